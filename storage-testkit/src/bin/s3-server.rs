//! `s3-server FOLDER PORT`: an S3 server on the loopback, for tests that kill it. Prints where it listens, and ends when its
//! standard input does.

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    hyperslab_testkit::objects::s3_server_main(&arguments)
}
