//! System calls that change files: what a stopped thread is about to do.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::log::Event;

/// Standard output.
const OUTPUT: i32 = 1;

/// A system call in the registers of a thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registers {
    number: i64,
    arguments: [u64; 6],
    /// What it has returned; means something only when it has.
    pub(super) result: i64,
}

#[cfg(target_arch = "x86_64")]
pub(super) fn registers(thread: Pid) -> nix::Result<Registers> {
    let raw = ptrace::getregs(thread)?;
    let (number, arguments) = modern(
        raw.orig_rax.cast_signed(),
        [raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9],
    );
    Ok(Registers {
        number,
        arguments,
        result: raw.rax.cast_signed(),
    })
}

#[cfg(target_arch = "aarch64")]
pub(super) fn registers(thread: Pid) -> nix::Result<Registers> {
    let raw = ptrace::getregs(thread)?.regs;
    Ok(Registers {
        number: raw[8].cast_signed(),
        arguments: [raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]],
        result: raw[0].cast_signed(),
    })
}

/// The calls that have a newer form, in that form.
#[cfg(target_arch = "x86_64")]
fn modern(number: i64, [a, b, c, d, e, f]: [u64; 6]) -> (i64, [u64; 6]) {
    const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
    const REMOVE_FOLDER: u64 = libc::AT_REMOVEDIR.cast_unsigned() as u64;
    const CREATE: u64 = (libc::O_CREAT | libc::O_TRUNC).cast_unsigned() as u64;
    match number {
        libc::SYS_open => (libc::SYS_openat, [HERE, a, b, c, 0, 0]),
        libc::SYS_creat => (libc::SYS_openat, [HERE, a, CREATE, b, 0, 0]),
        libc::SYS_mkdir => (libc::SYS_mkdirat, [HERE, a, b, 0, 0, 0]),
        libc::SYS_rmdir => (libc::SYS_unlinkat, [HERE, a, REMOVE_FOLDER, 0, 0, 0]),
        libc::SYS_unlink => (libc::SYS_unlinkat, [HERE, a, 0, 0, 0, 0]),
        libc::SYS_rename => (libc::SYS_renameat2, [HERE, a, HERE, b, 0, 0]),
        libc::SYS_link => (libc::SYS_linkat, [HERE, a, HERE, b, 0, 0]),
        libc::SYS_symlink => (libc::SYS_symlinkat, [a, HERE, b, 0, 0, 0]),
        _ => (number, [a, b, c, d, e, f]),
    }
}

/// A call that has begun.
#[derive(Debug)]
pub(super) enum Begun {
    /// What it does when it succeeds.
    Known(Event),
    /// A write, of as many bytes as it will say, at a place or where the file stands.
    Write {
        file: i32,
        path: PathBuf,
        offset: Option<u64>,
    },
}

/// A thread that is stopped at a system call.
#[derive(Debug)]
pub(super) struct Stopped<'a> {
    pub(super) thread: Pid,
    /// The folder that is recorded, with neither links nor `..` in its path.
    pub(super) base: &'a Path,
}

impl Stopped<'_> {
    /// What the thread is about to do; `None` when that changes nothing below the base.
    pub(super) fn begins(&self, call: &Registers) -> Option<Begun> {
        let [a, b, c, d, e, _] = call.arguments;
        let event = match call.number {
            libc::SYS_openat => self.open(self.at(a, b)?, c)?,
            libc::SYS_write if descriptor(a) == OUTPUT => self.told(b, c),
            libc::SYS_write | libc::SYS_writev => return self.write(a, None),
            libc::SYS_pwrite64 | libc::SYS_pwritev => return self.write(a, Some(d)),
            // What was copied is read back where it was put.
            libc::SYS_copy_file_range if d == 0 => return self.write(c, None),
            libc::SYS_ftruncate => Event::Resize(self.file(a)?, b),
            libc::SYS_fsync | libc::SYS_fdatasync => Event::Sync(self.file(a)?),
            libc::SYS_renameat => self.rename([a, b, c, d], 0)?,
            libc::SYS_renameat2 => self.rename([a, b, c, d], e)?,
            libc::SYS_linkat => Event::Link(self.at(a, b)?, self.at(c, d)?),
            libc::SYS_unlinkat => Event::Remove(self.at(a, b)?),
            libc::SYS_mkdirat => Event::MakeFolder(self.at(a, b)?),
            libc::SYS_fallocate
            | libc::SYS_pwritev2
            | libc::SYS_copy_file_range
            | libc::SYS_sendfile
            | libc::SYS_truncate
            | libc::SYS_symlinkat
            | libc::SYS_mknodat
            | libc::SYS_openat2
            | libc::SYS_io_uring_setup => {
                panic!("the recorder does not know system call {call:?}; teach it what that does")
            }
            libc::SYS_mmap => {
                self.refuse_shared_map(call);
                return None;
            }
            _ => return None,
        };
        Some(Begun::Known(event))
    }

    fn open(&self, path: PathBuf, flags: u64) -> Option<Event> {
        let has = |flag: i32| flags & u64::from(flag.cast_unsigned()) != 0;
        assert!(
            flags & u64::from(libc::O_TMPFILE.cast_unsigned())
                != u64::from(libc::O_TMPFILE.cast_unsigned()),
            "the recorder does not know files without a name"
        );
        match self.base.join(&path).exists() {
            true if has(libc::O_TRUNC) => Some(Event::Resize(path, 0)),
            false if has(libc::O_CREAT) => Some(Event::Create(path)),
            _ => None,
        }
    }

    fn write(&self, file: u64, offset: Option<u64>) -> Option<Begun> {
        Some(Begun::Write {
            path: self.file(file)?,
            file: descriptor(file),
            offset,
        })
    }

    /// The bytes that a write has written, and where they lie.
    pub(super) fn written(&self, file: i32, offset: Option<u64>, count: u64) -> (u64, Vec<u8>) {
        let open = |what: &str| PathBuf::from(format!("/proc/{}/{what}/{file}", self.thread));
        let offset = offset.unwrap_or_else(|| {
            let info = std::fs::read_to_string(open("fdinfo")).unwrap();
            let position = info.lines().find_map(|line| line.strip_prefix("pos:"));
            position.unwrap().trim().parse::<u64>().unwrap() - count
        });
        let mut bytes = vec![0; usize::try_from(count).unwrap()];
        let file = File::open(open("fd")).unwrap();
        file.read_exact_at(&mut bytes, offset).unwrap();
        (offset, bytes)
    }

    fn rename(&self, [a, b, c, d]: [u64; 4], flags: u64) -> Option<Event> {
        let (from, to) = (self.at(a, b), self.at(c, d));
        assert_eq!(from.is_some(), to.is_some(), "a rename out of the folder");
        let exchange = flags & u64::from(libc::RENAME_EXCHANGE) != 0;
        let make = if exchange {
            Event::Exchange
        } else {
            Event::Rename
        };
        Some(make(from?, to?))
    }

    fn refuse_shared_map(&self, call: &Registers) {
        let [_, _, access, kind, file, _] = call.arguments;
        let shared = kind & u64::from(libc::MAP_SHARED.cast_unsigned()) != 0;
        let writes = access & u64::from(libc::PROT_WRITE.cast_unsigned()) != 0;
        let anonymous = kind & u64::from(libc::MAP_ANONYMOUS.cast_unsigned()) != 0;
        if anonymous || !shared || !writes {
            return;
        }
        // SQLite keeps an index of its log in one, and makes it anew when nobody has it open.
        let counts = |path: PathBuf| !path.as_os_str().as_encoded_bytes().ends_with(b"-shm");
        assert!(
            !self.file(file).is_some_and(counts),
            "the recorder does not see what is written through a memory map"
        );
    }

    fn told(&self, address: u64, count: u64) -> Event {
        let mut bytes = vec![0; usize::try_from(count).unwrap()];
        self.memory().read_exact_at(&mut bytes, address).unwrap();
        Event::Told(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// The name of an open file below the base; `None` for one elsewhere, or without a name.
    fn file(&self, file: u64) -> Option<PathBuf> {
        let link = format!("/proc/{}/fd/{}", self.thread, descriptor(file));
        let path = std::fs::read_link(link).ok()?;
        let path = path.strip_prefix(self.base).ok()?;
        let deleted = path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
        (!deleted).then(|| path.to_owned())
    }

    /// A name in an open folder, if it is below the base.
    fn at(&self, folder: u64, name: u64) -> Option<PathBuf> {
        let name = self.text(name);
        let path = if name.is_absolute() {
            name
        } else {
            let folder = match descriptor(folder) {
                libc::AT_FDCWD => format!("/proc/{}/cwd", self.thread),
                open => format!("/proc/{}/fd/{open}", self.thread),
            };
            std::fs::read_link(folder).ok()?.join(name)
        };
        let below = path.strip_prefix(self.base).ok()?;
        Some(below.to_owned())
    }

    /// A path in the memory of the thread.
    fn text(&self, mut address: u64) -> PathBuf {
        let memory = self.memory();
        let mut text = Vec::new();
        let mut piece = [0; 256];
        loop {
            // Short where the memory ends.
            let count = memory.read_at(&mut piece, address).unwrap_or(0);
            let read = &piece[..count];
            let end = read.iter().position(|&byte| byte == 0);
            text.extend_from_slice(&read[..end.unwrap_or(count)]);
            if end.is_some() || count == 0 {
                return OsString::from_vec(text).into();
            }
            address += count as u64;
        }
    }

    fn memory(&self) -> File {
        File::open(format!("/proc/{}/mem", self.thread)).unwrap()
    }
}

/// An argument that is the number of an open file.
fn descriptor(argument: u64) -> i32 {
    let [a, b, c, d, ..] = argument.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
