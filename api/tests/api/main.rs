//! The API as its clients see it: over a socket, against a real S3 server.

mod headers;
mod pages;
mod process;
mod site;
mod upload;
mod video;
