//! What tests of object stores need: an S3 server, faults on purpose, a proxy that breaks connections, and servers of
//! others to compare with. Behind the cargo feature `objects`.
//!
//! | to test | use |
//! | --- | --- |
//! | an algorithm, with faults and latency | [`FaultStore`] over `InMemory`: no network, works with paused time |
//! | numbers of requests | [`FaultStore::request_counts`], or [`S3Server::request_counts`] for what goes over the wire |
//! | the S3 protocol, races of clients | [`S3Server`]: in this process, milliseconds to start |
//! | a server that dies | [`S3Process`]: its own process, killed and started again on the same folder |
//! | connections that break | [`Proxy`] in front of either |
//! | encrypted connections | [`Tls`] in front of either |
//! | what servers say on bad days | [`Parrot`], which says it to everybody |
//! | what other servers do | [`Peer`]: moto, Azurite and s3rver; only for long tests |
//!
//! Everything listens on the loopback, on a port of its own, and ends when dropped.

mod background;
mod counts;
mod fault;
mod parrot;
mod peers;
mod process;
mod proxy;
mod s3;
mod tls;

pub use counts::{Request, RequestCounts};
pub use fault::{Fault, FaultCounts, FaultPlan, FaultStore};
pub use parrot::Parrot;
pub use peers::{AZURITE_ACCOUNT, Peer, PeerKind};
pub use process::{S3Process, s3_server_main};
pub use proxy::{Direction, Proxy, Wire};
pub use s3::{ACCESS_KEY, BUCKET, REGION, S3Server, SECRET_KEY, s3_client};
pub use tls::Tls;
