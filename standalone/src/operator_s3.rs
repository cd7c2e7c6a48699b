//! Which buckets an operator's command is about.

use std::net::Ipv4Addr;

use store::Settings;

use crate::config::OperatorS3Args;
use crate::data_dir::DataDir;
use crate::site::on_loopback;

impl OperatorS3Args {
    /// The S3 that the environment names, else the one of the data folder, which must be running.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let settings = Settings::new(&self.buckets.s3_raw_bucket, &self.buckets.s3_video_bucket);
        let embedded = match self.s3_endpoint {
            Some(_) => None,
            None => DataDir::with_s3(&self.data.data_dir),
        };
        let Some(data) = embedded else {
            return Ok(Settings {
                endpoint: self.s3_endpoint.clone(),
                path_style: self.s3_path_style,
                ..settings
            });
        };
        let endpoint = format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.data.s3_port);
        Ok(on_loopback(settings, endpoint, &data.s3_credentials()?))
    }
}
