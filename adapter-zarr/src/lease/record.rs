//! The record of a lock.

use std::fmt::Write;
use std::time::Duration;

use hyperslab_core::{Error, LockInfo, LockKey, LockMode, Result, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::process::Process;

/// Where the records lie.
pub(super) const LOCKS: &str = ".hyperslab/locks";
/// The version of the record.
const FORMAT: u32 = 1;
/// The longest part of a key before it is cut.
const PART_BYTES_MAX: usize = 200;

/// Who holds a lock. It is never deleted, so that the token only grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    state: State,
    pub(super) key: LockKey,
    /// How often the lock was acquired.
    pub(super) token: u64,
    /// New with each put: no two states of the object have the same bytes.
    pub(super) nonce: Uuid,
    pub(super) holders: Vec<Holder>,
}

/// For those who look at the object; the holders say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Free,
    Shared,
    Exclusive,
}

/// One holder: the only one, or one of those that share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// One acquisition.
    pub(super) nonce: Uuid,
    pub(super) mode: LockMode,
    /// The token of this acquisition.
    pub(super) token: u64,
    pub(super) since: Timestamp,
    /// How long the record must stay the same before others take the lock.
    pub(super) duration_ms: u64,
    /// Grows with every sign of life.
    pub(super) heartbeat: u64,
    pub(super) process: Process,
}

impl Record {
    pub(super) fn new(key: LockKey) -> Self {
        Self {
            format: FORMAT,
            state: State::Free,
            key,
            token: 0,
            nonce: Uuid::nil(),
            holders: Vec::new(),
        }
    }

    pub(super) fn holder(&self, nonce: Uuid) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.nonce == nonce)
    }

    pub(super) fn holder_mut(&mut self, nonce: Uuid) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.nonce == nonce)
    }

    pub(super) fn encode(&mut self) -> Result<Vec<u8>> {
        self.state = match self.holders.first() {
            None => State::Free,
            Some(holder) if holder.mode == LockMode::Shared => State::Shared,
            Some(_) => State::Exclusive,
        };
        serde_json::to_vec(self)
            .map_err(|error| Error::internal("a lock has no record").with_source(error))
    }

    pub(super) fn decode(bytes: &[u8], name: &str, url: &str) -> Result<Self> {
        let fail = |fault: &str| {
            Error::corrupt(format!(
                "the lock record {url}/{name} {fault}; delete it when nobody writes to the store"
            ))
        };
        let format = serde_json::from_slice::<serde_json::Value>(bytes)
            .ok()
            .and_then(|value| value.get("format")?.as_u64())
            .ok_or_else(|| fail("is not one"))?;
        if format != u64::from(FORMAT) {
            return Err(Error::unsupported(format!(
                "the lock record {url}/{name} has version {format}; use a newer hyperslab"
            )));
        }
        serde_json::from_slice(bytes).map_err(|error| fail("cannot be read").with_source(error))
    }
}

impl Holder {
    pub(super) fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }

    pub(super) fn info(&self, key: &LockKey, stale: bool) -> LockInfo {
        LockInfo {
            key: key.clone(),
            mode: self.mode,
            pid: self.process.pid,
            host: self.process.host.clone(),
            program: self.process.program.clone(),
            since: self.since,
            stale,
        }
    }
}

/// The object of a lock. Different locks have different objects.
pub(super) fn object_key(key: &LockKey) -> String {
    match (&key.array, key.collection.as_str()) {
        (Some(array), collection) => {
            format!("{LOCKS}/arrays/{}/{}", escape(collection), escape(array))
        }
        (None, "") => format!("{LOCKS}/store"),
        (None, collection) => format!("{LOCKS}/collections/{}", escape(collection)),
    }
}

/// One part of a key, from any text: letters, digits and `-_=,+.` stay, the first dot does not.
fn escape(text: &str) -> String {
    let mut escaped = String::from(if text.is_empty() { "%" } else { "" });
    for (index, letter) in text.char_indices() {
        let stays = letter.is_alphanumeric()
            || matches!(letter, '-' | '_' | '=' | ',' | '+')
            || (letter == '.' && index > 0);
        if stays {
            escaped.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    if escaped.len() <= PART_BYTES_MAX {
        return escaped;
    }
    let mut end = PART_BYTES_MAX / 2;
    while !escaped.is_char_boundary(end) {
        end -= 1;
    }
    // Two long names that share this by chance would share a lock, which is slow and not wrong.
    let hash = escaped.bytes().fold(
        0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128,
        |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        },
    );
    format!("{}~{hash:032x}", &escaped[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_locks_have_different_objects() {
        let long = "x%".repeat(150);
        let keys = [
            LockKey::store(),
            LockKey::collection("store"),
            LockKey::collection("a/b"),
            LockKey::collection("a%2Fb"),
            LockKey::collection(".."),
            LockKey::array("a", "b"),
            LockKey::array("", "b"),
            LockKey::array("a", ""),
            LockKey::array("a", "b=%2F,c=日本"),
            LockKey::array("a", long.clone()),
            LockKey::array("a", format!("{long}y")),
        ];
        let objects: std::collections::HashSet<_> = keys.iter().map(object_key).collect();
        assert_eq!(objects.len(), keys.len(), "{objects:?}");
        for object in objects {
            assert!(
                object
                    .split('/')
                    .all(|part| part.len() <= 255 && !part.is_empty())
            );
            assert!(!object.contains(".."));
        }
    }
}
