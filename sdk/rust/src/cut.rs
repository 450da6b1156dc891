//! Cut: the start of a text, where there is no room for all of it.

/// As much as fits, in whole characters.
pub(crate) fn start(text: &str, room: usize) -> &str {
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
