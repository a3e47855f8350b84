//! Processes as they name themselves in records, and whether one of them has gone.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A process of some machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// When it was started, in ticks since the machine was: a number may be given to another process later.
    start: u64,
    /// The start of the machine and the space of process numbers in it; empty when unknown.
    place: String,
    pub(crate) host: String,
    pub(crate) program: String,
}

impl Process {
    /// This process.
    pub(crate) fn own() -> Self {
        static OWN: OnceLock<Process> = OnceLock::new();
        OWN.get_or_init(Self::read).clone()
    }

    fn read() -> Self {
        let pid = std::process::id();
        let program = std::env::current_exe()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Self {
            pid,
            start: start_of(pid).ok().flatten().unwrap_or(0),
            place: place().unwrap_or_default(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            program: program.unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    /// Whether this process can tell that another one has ended. False when in doubt.
    pub(crate) fn sees_gone(&self, other: &Self) -> bool {
        if self.place.is_empty() || self.place != other.place || other.start == 0 {
            return false;
        }
        // What cannot be looked at may well be there.
        matches!(start_of(other.pid), Ok(start) if start != Some(other.start))
            // Where other processes are hidden, nothing can be told.
            && matches!(start_of(self.pid), Ok(start) if start == Some(self.start))
            && matches!(start_of(1), Ok(Some(_)))
    }

    /// Whether it is known to have ended. False when in doubt, so always for a process of another machine.
    pub(crate) fn is_gone(&self) -> bool {
        Self::own().sees_gone(self)
    }

    /// A short form, for the names of objects.
    pub(crate) fn token(&self) -> String {
        let place = crc32c::crc32c(self.place.as_bytes());
        format!("{place:08x}-{}-{}", self.pid, self.start)
    }

    /// Whether the process of a short form is known to have ended.
    pub(crate) fn token_is_gone(token: &str) -> bool {
        let own = Self::own();
        let parts: Vec<&str> = token.split('-').collect();
        let [_, pid, start] = parts.as_slice() else {
            return false;
        };
        let (Ok(pid), Ok(start)) = (pid.parse(), start.parse()) else {
            return false;
        };
        let meant = Self { pid, start, ..own };
        meant.token() == token && meant.is_gone()
    }

    #[cfg(test)]
    pub(crate) fn with_number(&self, pid: u32) -> Self {
        Self {
            pid,
            ..self.clone()
        }
    }
}

/// The start of the machine with the space of process numbers: containers have their own.
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.display()))
}

/// The 22nd field of the status of a process. The second is its name in brackets, which may hold blanks and brackets.
///
/// `None` when there is no such process.
fn start_of(pid: u32) -> std::io::Result<Option<u64>> {
    let status = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(status) => status,
        Err(error) if has_ended(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let unreadable = || std::io::Error::other("the status of a process is not as it should be");
    let (_, rest) = status.rsplit_once(')').ok_or_else(unreadable)?;
    let mut fields = rest.split_whitespace();
    // One that has ended keeps its number until its parent has asked how.
    if matches!(fields.next(), Some("Z" | "X")) {
        return Ok(None);
    }
    let start = fields.nth(18).and_then(|field| field.parse().ok());
    start.ok_or_else(unreadable).map(Some)
}

/// Whether the status cannot be read because there is no such process, and for no other reason.
fn has_ended(error: &std::io::Error) -> bool {
    let no_process = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == std::io::ErrorKind::NotFound || error.raw_os_error() == Some(no_process)
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({}) on {}", self.pid, self.program, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_is_seen_gone() {
        let own = Process::own();
        assert!(!own.sees_gone(&own));
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let mut other = own.with_number(child.id());
        other.start = start_of(child.id()).unwrap().unwrap();
        assert!(!own.sees_gone(&other));
        // The same number, but another process.
        let mut reborn = other.clone();
        reborn.start += 1;
        assert!(own.sees_gone(&reborn));
        let token = other.token();
        assert!(!Process::token_is_gone(&token));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(own.sees_gone(&other));
        assert!(Process::token_is_gone(&token));
        assert!(!Process::token_is_gone("0-1-1") && !Process::token_is_gone("x"));
        other.place.push('x');
        assert!(!own.sees_gone(&other), "nothing is known of other machines");
    }
}
