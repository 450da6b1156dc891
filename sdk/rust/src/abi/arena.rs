//! Arena: memory of one call's parameters and answer.
//!
//! R1. Pieces come from the allocator and go back to it when the call is over, but for the first.
//! R2. No memory is a trap: there is no answer without it.
//! R3. Here every call but `describe` begins: each names a service, and the host asks for memory for that.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;

use super::fault;

const PIECE_BYTES: usize = 64 * 1024;
/// Up to here bytes are copied into the arena; longer ones are kept as they are until the call is over.
const COPIED_MAX: usize = 4096;

struct Arena {
    /// Where the next allocation may be, and where the current piece ends.
    at: usize,
    end: usize,
    pieces: Vec<(usize, Layout)>,
    kept: Vec<Vec<u8>>,
}

struct Shared(UnsafeCell<Arena>);

// SAFETY: a component has one thread, and no function here calls another while it holds the arena.
unsafe impl Sync for Shared {}

static ARENA: Shared = Shared(UnsafeCell::new(Arena { at: 0, end: 0, pieces: Vec::new(), kept: Vec::new() }));

fn arena() -> &'static mut Arena {
    // SAFETY: see above.
    unsafe { &mut *ARENA.0.get() }
}

/// Uninitialized memory until the call is over. `align` is a power of two, at most 16.
pub(super) fn allocate(size: usize, align: usize) -> *mut u8 {
    if size == 0 {
        return align as *mut u8;
    }
    let arena = arena();
    let start = (arena.at + align - 1) & !(align - 1);
    match start.checked_add(size) {
        Some(end) if end <= arena.end => {
            arena.at = end;
            start as *mut u8
        }
        _ => arena.grow(size),
    }
}

impl Arena {
    #[cold]
    fn grow(&mut self, size: usize) -> *mut u8 {
        let Ok(layout) = Layout::from_size_align(size.max(PIECE_BYTES), 16) else {
            panic!("more than memory can have")
        };
        // SAFETY: the size is not zero.
        let piece = unsafe { alloc(layout) };
        if piece.is_null() {
            handle_alloc_error(layout);
        }
        self.pieces.push((piece as usize, layout));
        // What is left of the piece before is small, or this one is large and full at once.
        if size < PIECE_BYTES {
            self.at = piece as usize + size;
            self.end = piece as usize + layout.size();
        }
        piece
    }
}

/// The bytes at an address that holds until the call is over.
pub(super) fn keep(bytes: Vec<u8>) -> (*const u8, usize) {
    let length = bytes.len();
    if length <= COPIED_MAX {
        return (copy(&bytes), length);
    }
    let pointer = bytes.as_ptr();
    arena().kept.push(bytes);
    (pointer, length)
}

pub(super) fn copy(bytes: &[u8]) -> *const u8 {
    let pointer = allocate(bytes.len(), 1);
    // SAFETY: it was allocated with this size, and nothing else points there.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), pointer, bytes.len()) };
    pointer
}

/// `cabi_realloc`: the host asks for memory of parameters.
///
/// # Safety
/// `old` is null, or was answered by this function with `old_size`, in this call.
pub unsafe fn realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    fault::watch();
    let pointer = allocate(size, align);
    if old_size > 0 {
        // SAFETY: both are as long as that, and the new one is of its own.
        unsafe { std::ptr::copy_nonoverlapping(old, pointer, old_size.min(size)) };
    }
    pointer
}

/// The call is over: the host has copied the answer.
pub fn release() {
    let arena = arena();
    arena.kept = Vec::new();
    let first = arena.pieces.iter().position(|(_, layout)| layout.size() == PIECE_BYTES);
    let mut kept = Vec::new();
    for (index, (piece, layout)) in std::mem::take(&mut arena.pieces).into_iter().enumerate() {
        if Some(index) == first {
            kept.push((piece, layout));
        } else {
            // SAFETY: allocated with this layout, and the call that pointed there is over.
            unsafe { dealloc(piece as *mut u8, layout) };
        }
    }
    (arena.at, arena.end) = kept.first().map_or((0, 0), |&(piece, layout)| (piece, piece + layout.size()));
    arena.pieces = kept;
}
