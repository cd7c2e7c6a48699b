//! Figures to reach.

/// A figure and what it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) figure: &'static str,
    bound: Bound,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    pub(crate) const fn at_most(figure: &'static str, most: f64) -> Self {
        let bound = Bound::AtMost(most);
        Self { figure, bound }
    }

    pub(crate) const fn at_least(figure: &'static str, least: f64) -> Self {
        let bound = Bound::AtLeast(least);
        Self { figure, bound }
    }

    /// `≤ 0.95`.
    pub(crate) fn bound(&self) -> String {
        match self.bound {
            Bound::AtMost(most) => format!("≤ {most}"),
            Bound::AtLeast(least) => format!("≥ {least}"),
        }
    }

    fn is_met(&self, measured: f64) -> bool {
        match self.bound {
            Bound::AtMost(most) => measured <= most,
            Bound::AtLeast(least) => measured >= least,
        }
    }

    /// `0.931 met`.
    pub(crate) fn verdict(&self, measured: f64) -> String {
        if measured.is_nan() {
            return "not comparable".into();
        }
        let verdict = if self.is_met(measured) {
            "met"
        } else {
            "not met"
        };
        let digits = match self.bound {
            Bound::AtLeast(least) if least.abs() < 0.01 => 4,
            _ => 3,
        };
        format!("{measured:.digits$} {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_is_met() {
        let cpu = Target::at_most("CPU", 0.95);
        assert_eq!(
            (cpu.bound(), cpu.verdict(0.95)),
            ("≤ 0.95".into(), "0.950 met".into())
        );
        assert_eq!(cpu.verdict(0.9512), "0.951 not met");
        assert_eq!(
            Target::at_least("SSIM", -0.002).verdict(-0.0021),
            "-0.0021 not met"
        );
    }
}
