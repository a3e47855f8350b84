//! Races between clients of one store, which a store that checks conditions must decide.

use std::sync::Arc;

use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use tokio::sync::Barrier;

/// All clients create one key at the same moment. Returns the positions of those who were told that they have.
pub(crate) async fn create(clients: &[Arc<dyn ObjectStore>], key: &str) -> Vec<usize> {
    let start = Arc::new(Barrier::new(clients.len()));
    let racers = clients.iter().enumerate().map(|(number, client)| {
        let (client, start) = (Arc::clone(client), Arc::clone(&start));
        let key = Path::from(key);
        tokio::spawn(async move {
            start.wait().await;
            let content = number.to_string().into();
            match client.put_opts(&key, content, PutMode::Create.into()).await {
                Ok(_) => Some(number),
                Err(Error::AlreadyExists { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        })
    });
    let ended = join_all(racers).await;
    ended.into_iter().filter_map(Result::unwrap).collect()
}

/// Each client adds one to a number `times` times, by swapping the version that it has read. Returns the number.
pub(crate) async fn count(clients: &[Arc<dyn ObjectStore>], key: &str, times: usize) -> usize {
    let key = Path::from(key);
    clients[0].put(&key, "0".into()).await.unwrap();
    let writers = clients.iter().map(|client| {
        let (client, key) = (Arc::clone(client), key.clone());
        tokio::spawn(async move {
            for _ in 0..times {
                while !add_one(&*client, &key).await {}
            }
        })
    });
    for ended in join_all(writers).await {
        ended.unwrap();
    }
    read_number(&*clients[0], &key).await.0
}

/// Whether nobody else was faster.
async fn add_one(client: &dyn ObjectStore, key: &Path) -> bool {
    let (number, version) = read_number(client, key).await;
    let content = (number + 1).to_string().into();
    let swapped = client.put_opts(key, content, PutMode::Update(version).into());
    match swapped.await {
        Ok(_) => true,
        Err(Error::Precondition { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn read_number(client: &dyn ObjectStore, key: &Path) -> (usize, UpdateVersion) {
    let found = client.get(key).await.unwrap();
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: None,
    };
    let content = found.bytes().await.unwrap();
    let number = std::str::from_utf8(&content).unwrap().parse().unwrap();
    (number, version)
}
