//! The recorder: follows all threads of a process from one system call to the next.
//!
//! Calls that change files are let through one at a time, so the log has the order in which they happened.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, gettid};

use super::call::{Begun, Stopped, registers};
use super::log::Event;
use crate::campaign::{next_message, tell};

/// What the recorded process waits for.
const GO: &str = "go\n";

/// Waits until this thread, and all it will start, are recorded. Called by the process that is recorded, before anything else.
///
/// # Panics
/// When nobody records it.
pub fn wait_to_be_recorded() {
    tell(&format!("record {}", gettid()));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    assert_eq!(line, GO, "nobody records this process");
}

/// Runs a process to its end, which must be well, and returns what it did below a folder.
///
/// # Panics
/// When processes may not be traced here, or the process fails.
#[expect(
    clippy::zombie_processes,
    reason = "the recorder waits for the process and its threads"
)]
pub(super) fn record(mut command: Command, base: &Path) -> Vec<Event> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let ready = next_message(&mut output).unwrap();
    assert_eq!(ready[0], "record");
    let thread = Pid::from_raw(ready[1].parse().unwrap());
    // What it tells is seen when it tells it.
    let drain = std::thread::spawn(move || output.read_to_end(&mut Vec::new()).unwrap());
    let mut recorder = Recorder {
        base: base.canonicalize().unwrap(),
        process: Pid::from_raw(child.id().try_into().unwrap()),
        events: Vec::new(),
        changing: None,
        waiting: VecDeque::new(),
    };
    recorder.seize(thread, child.stdin.take().unwrap());
    recorder.follow();
    drain.join().unwrap();
    recorder.events
}

/// The process that is recorded, and what it did.
struct Recorder {
    base: PathBuf,
    process: Pid,
    events: Vec<Event>,
    /// The thread whose call changes files now, and what that will have done.
    changing: Option<(Pid, Begun)>,
    /// Those that are stopped before such a call.
    waiting: VecDeque<Pid>,
}

impl Recorder {
    /// Takes hold of the thread that all others will be started from, and lets it go on.
    fn seize(&self, thread: Pid, mut input: ChildStdin) {
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        let seized = ptrace::seize(thread, options).and_then(|()| ptrace::interrupt(thread));
        if let Err(error) = seized {
            panic!(
                "crash images need to trace a process, which is not allowed here ({error}); allow it, in a container with \
                 --cap-add=SYS_PTRACE"
            );
        }
        input.write_all(GO.as_bytes()).unwrap();
    }

    /// Until the process has ended.
    fn follow(&mut self) {
        // Not the children of other tests, which are those of other threads.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            match waitpid(None, Some(flags)).unwrap() {
                WaitStatus::PtraceSyscall(thread) => self.at_call(thread),
                WaitStatus::PtraceEvent(thread, ..) => resume(thread, None),
                WaitStatus::Stopped(thread, signal) => resume(thread, Some(signal)),
                WaitStatus::Exited(thread, code) if thread == self.process => {
                    assert_eq!(code, 0, "the recorded process has failed");
                    return;
                }
                WaitStatus::Signaled(thread, signal, _) if thread == self.process => {
                    panic!("the recorded process was ended by {signal}")
                }
                WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..) => {
                    self.forget(thread);
                }
                other => panic!("a recorded thread stopped for no known reason: {other:?}"),
            }
        }
    }

    /// A thread has stopped before a call or after it.
    fn at_call(&mut self, thread: Pid) {
        match ptrace::syscall_info(thread).map(|info| info.op) {
            Ok(libc::PTRACE_SYSCALL_INFO_ENTRY) => self.enter(thread),
            Ok(libc::PTRACE_SYSCALL_INFO_EXIT) => self.leave(thread),
            _ => resume(thread, None),
        }
    }

    fn enter(&mut self, thread: Pid) {
        let Some(begun) = self.begins(thread) else {
            return resume(thread, None);
        };
        if self.changing.is_some() {
            // What it means is asked again when it is this one's turn.
            self.waiting.push_back(thread);
        } else {
            self.changing = Some((thread, begun));
            resume(thread, None);
        }
    }

    /// What a thread is about to change. `None` also for one that has been ended meanwhile.
    fn begins(&self, thread: Pid) -> Option<Begun> {
        let call = registers(thread).ok()?;
        self.stopped(thread).begins(&call)
    }

    fn stopped(&self, thread: Pid) -> Stopped<'_> {
        Stopped {
            thread,
            base: &self.base,
        }
    }

    fn leave(&mut self, thread: Pid) {
        if let Some((_, begun)) = self.changing.take_if(|(changing, _)| *changing == thread) {
            let result = registers(thread).map_or(-1, |call| call.result);
            if let Ok(count) = u64::try_from(result) {
                let event = match begun {
                    Begun::Known(event) => event,
                    Begun::Write { file, path, offset } => {
                        let (offset, bytes) = self.stopped(thread).written(file, offset, count);
                        Event::Write {
                            path,
                            offset,
                            bytes,
                        }
                    }
                };
                self.events.push(event);
            }
            self.next();
        }
        resume(thread, None);
    }

    /// Lets the next change happen.
    fn next(&mut self) {
        while self.changing.is_none()
            && let Some(thread) = self.waiting.pop_front()
        {
            self.enter(thread);
        }
    }

    /// A thread has ended.
    fn forget(&mut self, thread: Pid) {
        self.waiting.retain(|waiting| *waiting != thread);
        self.changing.take_if(|(changing, _)| *changing == thread);
        self.next();
    }
}

/// Lets a thread run to its next stop, unless it has been ended meanwhile.
fn resume(thread: Pid, signal: Option<Signal>) {
    match ptrace::syscall(thread, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("a recorded thread cannot go on: {error}"),
    }
}
