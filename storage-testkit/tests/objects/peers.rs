//! Servers of others: they start, and behave as is said of them.

use std::sync::Arc;

use hyperslab_testkit::objects::{Peer, PeerKind};
use object_store::ObjectStore;

use crate::race;

fn clients(peer: &Peer, number: usize) -> Vec<Arc<dyn ObjectStore>> {
    let client = || {
        let client = peer.s3_client().unwrap().build().unwrap();
        Arc::new(client) as Arc<dyn ObjectStore>
    };
    std::iter::repeat_with(client).take(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_decides_concurrent_races_as_our_server_does() {
    let Some(peer) = Peer::start(PeerKind::Moto) else {
        return;
    };
    for round in 0..3 {
        let winners = race::create(&clients(&peer, 12), &format!("race/{round}")).await;
        assert_eq!(winners.len(), 1, "{winners:?}");
    }
    assert_eq!(race::count(&clients(&peer, 3), "counter", 5).await, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3rver_ignores_conditions() {
    let Some(peer) = Peer::start(PeerKind::S3rver) else {
        return;
    };
    let winners = race::create(&clients(&peer, 4), "race").await;
    assert_eq!(winners.len(), 4, "{winners:?}");
}

#[test]
fn azurite_answers() {
    let Some(peer) = Peer::start(PeerKind::Azurite) else {
        return;
    };
    assert!(peer.s3_client().is_none());
    let address = peer.address();
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(peer);
    assert!(std::net::TcpStream::connect(address).is_err());
}
