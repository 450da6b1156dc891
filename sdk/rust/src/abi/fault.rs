//! Fault: the words of a panic, where the host finds them after the trap (wit/types.wit).
//!
//!   | length u32 | UTF-8 text, at most 4096 bytes |     exported as `innkeeper_fault`
//!
//! F1. The place comes first, as Rust names it: `src/lib.rs:11:5: index out of bounds: ...`.
//! F2. Nothing is allocated here: there may be no memory left.
//! F3. Where memory is refused there is no panic, and no place: the allocator says how much was asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use crate::cut;

const TEXT_MAX: usize = 4096;

#[repr(C)]
struct Fault {
    length: u32,
    text: [u8; TEXT_MAX],
}

#[unsafe(export_name = "innkeeper_fault")]
static mut FAULT: Fault = Fault { length: 0, text: [0; TEXT_MAX] };

static WATCHED: Once = Once::new();

/// From here on panics are told. Called before anything of the author's runs.
pub(super) fn watch() {
    WATCHED.call_once(|| panic::set_hook(Box::new(tell_panic)));
}

fn tell_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    match info.location() {
        Some(place) => tell(format_args!("{place}: {said}")),
        None => tell(format_args!("{said}")),
    }
}

fn tell(words: fmt::Arguments<'_>) {
    let mut telling = Telling { length: 0 };
    // An error says that they are cut.
    let _ = telling.write_fmt(words);
    // SAFETY: a component has one thread, and the host reads only once that has trapped.
    unsafe { FAULT.length = telling.length as u32 };
}

struct Telling {
    length: usize,
}

impl Write for Telling {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = cut::start(text, TEXT_MAX - self.length);
        // SAFETY: as above, and what is taken fits.
        unsafe {
            let to = (&raw mut FAULT.text).cast::<u8>().add(self.length);
            std::ptr::copy_nonoverlapping(taken.as_ptr(), to, taken.len());
        }
        self.length += taken.len();
        if taken.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The system's allocator, which says nothing of its own where memory ends.
struct Telltale;

#[global_allocator]
static ALLOCATOR: Telltale = Telltale;

// SAFETY: the system's, unchanged.
unsafe impl GlobalAlloc for Telltale {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        given(unsafe { System.realloc(pointer, layout, size) }, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn given(pointer: *mut u8, size: usize) -> *mut u8 {
    if pointer.is_null() {
        tell(format_args!("memory allocation of {size} bytes failed"));
    }
    pointer
}
