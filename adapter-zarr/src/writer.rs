//! Who is behind a change, so that others know whom to wait for, and for whom in vain.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Writer {
    pid: u32,
    host: String,
    program: String,
    /// When it was started, as its system counts; tells it from a later process of the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
}

impl Writer {
    /// This process.
    pub(crate) fn this() -> &'static Self {
        static THIS: OnceLock<Writer> = OnceLock::new();
        THIS.get_or_init(|| {
            let program = std::env::current_exe().ok();
            let program = program.as_ref().and_then(|path| path.file_name());
            Self {
                pid: std::process::id(),
                host: host(),
                program: program.map_or_else(
                    || "unknown".to_owned(),
                    |name| name.to_string_lossy().into_owned(),
                ),
                started: started(std::process::id()),
            }
        })
    }

    /// A short form for the names of objects: host, process, and when that was started.
    pub(crate) fn token(&self) -> String {
        let started = self.started.unwrap_or(0);
        format!(
            "{:08x}-{}-{started}",
            crc32c::crc32c(self.host.as_bytes()),
            self.pid
        )
    }

    /// Whether the process of that short form is known to have ended.
    pub(crate) fn token_is_gone(token: &str) -> bool {
        let mut parts = token.split('-');
        let (Some(host), Some(Ok(pid)), Some(Ok(started))) = (
            parts.next(),
            parts.next().map(str::parse::<u32>),
            parts.next().map(str::parse::<u64>),
        ) else {
            return false;
        };
        let this = Self::this();
        let of_token = Self {
            pid,
            started: (started > 0).then_some(started),
            ..this.clone()
        };
        host == format!("{:08x}", crc32c::crc32c(this.host.as_bytes())) && of_token.is_gone()
    }

    /// Whether it is known to have ended. A process of another machine never is.
    pub(crate) fn is_gone(&self) -> bool {
        if self.host != host() || started(std::process::id()).is_none() {
            return false;
        }
        match started(self.pid) {
            None => true,
            Some(since) => self.started.is_some_and(|started| started != since),
        }
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({}) on {}", self.pid, self.program, self.host)
    }
}

fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// When a process of this machine was started; `None` when there is none, or the system does not say.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which is in parentheses and may hold anything, the twentieth field.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    // One that has ended and was not waited for still has a number.
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_is_gone_and_this_one_is_not() {
        let this = Writer::this();
        assert!(!this.is_gone());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Writer {
            pid: child.id(),
            started: None,
            ..this.clone()
        };
        child.wait().unwrap();
        let elsewhere = Writer {
            host: "elsewhere".to_owned(),
            ..ended.clone()
        };
        let reused = Writer {
            started: Some(1),
            ..this.clone()
        };
        if this.started.is_some() {
            assert!(ended.is_gone() && reused.is_gone() && !elsewhere.is_gone());
        }
    }
}
