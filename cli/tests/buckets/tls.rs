//! Encrypted connections: to whom the certificate belongs, and who trusts it.

use hyperslab_testkit::objects::{BUCKET, S3Server, Tls};

use crate::refused::{AT_ONCE, refused, with_the_key};

#[test]
fn only_a_trusted_certificate_of_the_right_name_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let here = Tls::start(server.address(), "localhost");
    let elsewhere = Tls::start(server.address(), "elsewhere.example");
    let trusting = |tls: &Tls| {
        let scene = with_the_key();
        let file = scene.path("ca.pem");
        std::fs::write(&file, tls.certificate()).unwrap();
        scene.with("SSL_CERT_FILE", &file.display().to_string())
    };
    let url = |tls: &Tls| format!("s3://{BUCKET}/a?{AT_ONCE}&endpoint={}", tls.endpoint());
    for (name, scene, tls) in [
        ("nobody has signed it", with_the_key(), &here),
        ("another is trusted", trusting(&elsewhere), &here),
        ("of another machine", trusting(&elsewhere), &elsewhere),
    ] {
        let line = refused(11, &scene, &["ls", &url(tls)]);
        assert!(line.contains("no encrypted connection"), "{name}: {line}");
        assert!(line.contains("certificate"), "{name}: {line}");
        assert_eq!(server.request_counts().total(), 0, "{name}");
    }
    let scene = trusting(&here);
    scene.ok(&["init", &url(&here)]);
    scene.ok(&["ls", &url(&here)]);
    assert!(server.request_counts().total() > 0);
}
