//! Where a verb puts what it has to say: text or JSON on standard output, remarks and errors on standard error.

use std::error::Error as _;
use std::fmt::Arguments;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use hyperslab::Error;
use serde_json::{Value, json};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::args::{Global, LogLevel};
use crate::failure::{Failure, Outcome, Status};
use crate::progress::Progress;
use crate::render::terminal::Palette;

/// What of the log is shown, if anything.
fn log_filter(global: &Global) -> Option<String> {
    let level = match (global.log_level, global.verbose) {
        (Some(LogLevel::Error), _) => "error",
        (Some(LogLevel::Warn), _) => "warn",
        (Some(LogLevel::Info), _) => "info",
        (Some(LogLevel::Debug), _) | (None, 2) => "debug",
        (Some(LogLevel::Trace), _) => "trace",
        (None, 0 | 1) => return None,
        // Also what the libraries beneath say.
        (None, _) => return Some("trace".to_owned()),
    };
    Some(format!("hyperslab={level}"))
}

/// The output of one run of the program.
pub(crate) struct Console {
    out: BufWriter<io::Stdout>,
    json: bool,
    verbose: u8,
    quiet: bool,
}

impl Console {
    /// The console that the options ask for; starts the log that `-vv` or `--log-level` asks for.
    pub(crate) fn new(global: &Global) -> Self {
        if let Some(filter) = log_filter(global) {
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                // A read or a write is a span: its end says what it was and how long it took.
                .with_span_events(FmtSpan::CLOSE)
                .with_writer(io::stderr)
                .init();
        }
        Self {
            out: BufWriter::new(io::stdout()),
            json: global.json,
            verbose: global.verbose,
            quiet: global.quiet,
        }
    }

    /// Says things from here on as these options ask for. The log stays as it is.
    pub(crate) fn adopt(&mut self, global: &Global) {
        self.json = global.json;
        self.verbose = global.verbose;
        self.quiet = global.quiet;
    }

    /// Whether JSON is wanted instead of text.
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }

    /// One line of the answer.
    pub(crate) fn line(&mut self, text: Arguments<'_>) -> Result<(), Failure> {
        self.out.write_fmt(text)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// The answer as one JSON document on one line.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, value)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// The answer to a verb that changes something: a remark on success, or its JSON.
    pub(crate) fn report(&mut self, value: &Value, text: Arguments<'_>) -> Result<(), Failure> {
        if self.json {
            self.json(value)
        } else if self.quiet {
            Ok(())
        } else {
            self.line(text)
        }
    }

    /// Something worth knowing that is not the answer; a JSON document says it in its own way.
    pub(crate) fn remark(&mut self, text: Arguments<'_>) -> Result<(), Failure> {
        if self.quiet || self.json {
            return Ok(());
        }
        self.out.flush()?;
        writeln!(io::stderr(), "note: {text}")?;
        Ok(())
    }

    /// The writer behind [`line`](Self::line), for pictures.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Shows what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// A progress bar that shows on a terminal after a second.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        Progress::new(what, !self.json && !self.quiet)
    }

    /// The colours that standard output can show.
    pub(crate) fn palette(&self) -> Palette {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let terminal = set("TERM").unwrap_or_default();
        let plain = !io::stdout().is_terminal()
            || set("NO_COLOR").is_some()
            || matches!(terminal.as_str(), "" | "dumb" | "linux" | "vt100");
        let true_color =
            set("COLORTERM").is_some_and(|value| matches!(value.as_str(), "truecolor" | "24bit"));
        match (plain, true_color || terminal.ends_with("-direct")) {
            (true, _) => Palette::Plain,
            (false, true) => Palette::TrueColor,
            (false, false) => Palette::Color256,
        }
    }

    /// How many characters fit on a line.
    pub(crate) fn width(&self) -> usize {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        terminal_size::terminal_size()
            .filter(|_| io::stdout().is_terminal())
            .map(|(width, _)| usize::from(width.0))
            .or(columns)
            .unwrap_or(80)
            .max(20)
    }

    /// Tells how the run ended, and gives its exit code.
    pub(crate) fn finish(mut self, outcome: Outcome) -> ExitCode {
        ExitCode::from(self.settle(outcome))
    }

    /// Tells how a verb ended, and gives its exit code.
    pub(crate) fn settle(&mut self, outcome: Outcome) -> u8 {
        let outcome = outcome.and_then(|status| self.flush().map(|()| status));
        match outcome {
            Ok(Status::Done) | Err(Failure::Unread) => 0,
            Ok(Status::Found) => 1,
            Err(Failure::Error(error)) => {
                // What was said before the error still counts; where it cannot be said, nor can this.
                let _ = self.flush();
                let _ = self.tell(&error);
                error.kind().exit_code()
            }
        }
    }

    fn tell(&self, error: &Error) -> io::Result<()> {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(source) = cause {
            causes.push(source.to_string());
            cause = source.source();
        }
        let mut out = io::stderr().lock();
        if self.json {
            let kind = error.kind().name();
            let told = json!({"kind": kind, "message": error.message(), "causes": causes});
            return writeln!(out, "{}", json!({ "error": told }));
        }
        // One line, whatever the message is made of.
        writeln!(out, "error: {}", error.message().replace('\n', " "))?;
        if self.verbose > 0 {
            for cause in causes {
                writeln!(out, "  caused by: {cause}")?;
            }
        }
        Ok(())
    }
}
