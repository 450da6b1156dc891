//! Log: lines for the host's log. They come with the outcome of the command that they were said in.
//!
//! ```ignore
//! use innkeeper::log;
//!
//! log::info!("added {amount}");
//! ```
//!
//! G1. A line belongs to a command: lines are gathered from `begin` to `take`. What is said outside of that (a fold of stored
//!     events, a look for elements) is dropped.
//! G2. An outcome has at most 100 lines and 16 KiB of text, since the host reads no more. What is over is not kept, so a loop
//!     that logs cannot eat the memory.
//! G3. A command that says nothing costs no allocation.
//! G4. Natively a line goes to standard error at once, so that a test that panics has shown what was said before. What is run
//!     `again`, as kits do and `render`, shows nothing.
//!
//! Leaves to others: when a command begins (event_sourced.rs and its siblings).

use std::cell::RefCell;
use std::fmt::{self, Write};

use crate::cut;

/// A line at the level debug, formatted as by `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($text:tt)+) => { $crate::log::line($crate::log::Level::Debug, ::core::format_args!($($text)+)) };
}
pub use crate::__log_debug as debug;

/// A line at the level info, formatted as by `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($text:tt)+) => { $crate::log::line($crate::log::Level::Info, ::core::format_args!($($text)+)) };
}
pub use crate::__log_info as info;

/// A line at the level warn, formatted as by `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($text:tt)+) => { $crate::log::line($crate::log::Level::Warn, ::core::format_args!($($text)+)) };
}
pub use crate::__log_warn as warn;

/// A line at the level error, formatted as by `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($text:tt)+) => { $crate::log::line($crate::log::Level::Error, ::core::format_args!($($text)+)) };
}
pub use crate::__log_error as error;

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// What the macros do: for a logger that hands on the lines of others, such as one of the crate `log`.
pub fn line(level: Level, text: fmt::Arguments<'_>) {
    #[cfg(not(target_arch = "wasm32"))]
    native::show(level, text);
    let room = LINES.with_borrow(Lines::room);
    if room == 0 {
        return;
    }
    // Not while the lines are borrowed: what is formatted may log as well.
    let mut cut = Cut { text: String::new(), room };
    let whole = cut.write_fmt(text).is_ok();
    LINES.with_borrow_mut(|lines| lines.push(level, cut.text, whole));
}

const LINES_MAX: usize = 100;
const BYTES_MAX: usize = 16 * 1024;

struct Lines {
    /// Bytes of text that are still taken; 0 outside of a command.
    left: usize,
    list: Vec<Line>,
}

thread_local! {
    static LINES: RefCell<Lines> = const { RefCell::new(Lines { left: 0, list: Vec::new() }) };
}

impl Lines {
    fn room(&self) -> usize {
        if self.list.len() < LINES_MAX { self.left } else { 0 }
    }

    fn push(&mut self, level: Level, text: String, whole: bool) {
        if text.len() > self.room() {
            return;
        }
        // After a line that was cut there is none.
        self.left = if whole { self.left - text.len() } else { 0 };
        self.list.push(Line { level, text });
    }
}

/// A command begins.
pub(crate) fn begin() {
    LINES.with_borrow_mut(|lines| *lines = Lines { left: BYTES_MAX, list: Vec::new() });
}

/// What was said since the command began. It is over.
pub(crate) fn take() -> Vec<Line> {
    LINES.with_borrow_mut(|lines| {
        lines.left = 0;
        std::mem::take(&mut lines.list)
    })
}

/// The beginning of what is written, as far as there is room. The end of it is an error, which ends the formatting.
struct Cut {
    text: String,
    room: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = cut::start(text, self.room - self.text.len());
        self.text.push_str(taken);
        if taken.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Run what was run before. Natively its lines are shown already.
pub(crate) fn again<T>(run: impl FnOnce() -> T) -> T {
    #[cfg(not(target_arch = "wasm32"))]
    let _quiet = native::Quiet::new();
    run()
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::Cell;
    use std::fmt;

    use super::Level;

    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn show(level: Level, text: fmt::Arguments<'_>) {
        if QUIET.get() {
            return;
        }
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        eprintln!("{level}: {text}");
    }

    /// Until it is dropped, be it by a panic.
    pub(super) struct Quiet {
        before: bool,
    }

    impl Quiet {
        pub(super) fn new() -> Quiet {
            Quiet { before: QUIET.replace(true) }
        }
    }

    impl Drop for Quiet {
        fn drop(&mut self) {
            QUIET.set(self.before);
        }
    }
}
