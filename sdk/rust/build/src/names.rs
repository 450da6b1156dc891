//! Names: how prost-build spells a `.proto`'s names in Rust, so that what is generated beside its code agrees with it.

/// Of a type.
pub fn type_of(name: &str) -> String {
    let joined: String = words(name)
        .iter()
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect();
    if joined == "Self" { "Self_".into() } else { joined }
}

/// Of a module that a package or a message has; a keyword gets a `_`.
pub fn module_of(name: &str) -> String {
    let joined = words(name).join("_");
    if is_keyword(&joined) { format!("{joined}_") } else { joined }
}

/// As the `.proto` spells it.
pub fn identifier(name: &str) -> String {
    match name {
        "self" | "super" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if is_keyword(name) => format!("r#{name}"),
        _ => name.into(),
    }
}

/// In small letters. A word ends at what is no letter or digit, before a capital that follows a small letter, and before the last of
/// several capitals that a small letter follows.
fn words(name: &str) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Last {
        Start,
        Small,
        Capital,
    }
    let mut found = Vec::new();
    for part in name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        let mut last = Last::Start;
        for (at, letter) in letters.iter().enumerate() {
            let next_is_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && (last == Last::Small || (last == Last::Capital && next_is_small)) {
                found.push(std::mem::take(&mut word));
            }
            // A digit goes with what is before it.
            if letter.is_lowercase() {
                last = Last::Small;
            } else if letter.is_uppercase() {
                last = Last::Capital;
            }
            word.extend(letter.to_lowercase());
        }
        found.push(word);
    }
    found
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "as break const continue crate else enum extern false fn for gen if impl in let loop match mod move mut pub ref return \
        self static struct super trait true type unsafe use where while async await dyn abstract become box do final macro override priv \
        try typeof unsized virtual yield";
    KEYWORDS.split_whitespace().any(|word| word == name)
}
