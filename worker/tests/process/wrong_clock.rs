//! Clocks that are off, by libfaketime.

use std::process::Command;
use std::time::SystemTime;

/// The environment of a process whose clock is off by so many seconds.
pub(crate) struct WrongClock {
    library: String,
    offset_s: String,
}

impl WrongClock {
    pub(crate) fn off_by_s(offset_s: i64) -> Self {
        let libraries = std::fs::read_dir("/usr/lib").unwrap();
        let mut libraries = libraries.map(|folder| {
            let folder = folder.unwrap().path();
            folder.join("faketime/libfaketime.so.1")
        });
        let library = libraries.find(|library| library.exists());
        let clock = Self {
            library: library.expect("libfaketime").display().to_string(),
            offset_s: format!("{offset_s:+}"),
        };
        let date = Command::new("date").arg("+%s").envs(clock.env()).output();
        let date = String::from_utf8(date.unwrap().stdout).unwrap();
        let now_s = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        let real_s = date.trim().parse::<i64>().unwrap() - offset_s;
        assert!((now_s - real_s).abs() < 600, "{date} at {now_s}");
        clock
    }

    pub(crate) fn env(&self) -> [(&str, &str); 3] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME", &self.offset_s),
            // A clock that is wrong still runs on.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }
}
