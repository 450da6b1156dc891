//! Exact: generated messages with float fields write -0 (innkeeper's exact.rs says how).
//!
//! X1. Works on prost-build's text, a line a field; only fields without presence are left out by prost: `double` and `float`
//!     that are neither optional nor repeated.

const PROST_PATH: &str = r#"#[prost(prost_path = "::innkeeper::prost")]"#;
const EXACT_PATH: &str = r#"#[prost(prost_path = "::innkeeper::exact")]"#;

pub fn exact(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut path_at = None;
    let mut message: Option<Message> = None;
    let mut tag = None;
    for line in text.lines() {
        let trimmed = line.trim();
        lines.push(line.into());
        if trimmed == PROST_PATH {
            path_at = Some(lines.len() - 1);
        } else if let Some(name) = trimmed.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            message = Some(Message { name: name.into(), floats: Vec::new() });
        } else if let Some(found) = &mut message {
            if trimmed == "}" {
                if let (false, Some(at)) = (found.floats.is_empty(), path_at) {
                    lines[at] = lines[at].replace(PROST_PATH, EXACT_PATH);
                    lines.push(found.implementation());
                }
                message = None;
            } else if let (Some(tag), Some(field)) = (tag.take(), trimmed.strip_prefix("pub ")) {
                found.floats.extend(field.split_once(':').map(|(name, _)| (name.to_string(), tag)));
            } else {
                tag = plain_float(trimmed);
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The tag in `#[prost(double, tag = "1")]`.
fn plain_float(line: &str) -> Option<u32> {
    let rest =
        line.strip_prefix("#[prost(double, tag = \"").or_else(|| line.strip_prefix("#[prost(float, tag = \""))?;
    rest.strip_suffix("\")]")?.parse().ok()
}

struct Message {
    name: String,
    floats: Vec<(String, u32)>,
}

impl Message {
    fn implementation(&self) -> String {
        let Self { name, floats } = self;
        let each = |line: &dyn Fn(&str, u32) -> String| -> String {
            floats.iter().map(|(field, tag)| line(field, *tag)).collect::<Vec<_>>().join("\n")
        };
        let derived = "::innkeeper::exact::Message";
        let float = "::innkeeper::exact::Float";
        let encode = each(&|field, tag| format!("{float}::encode_minus_zero(self.{field}, {tag}, buf);"));
        let len = each(&|field, tag| format!("+ {float}::minus_zero_len(self.{field}, {tag})"));
        format!(
            "impl ::innkeeper::prost::Message for {name} {{
                fn encode_raw(&self, buf: &mut impl ::innkeeper::prost::bytes::BufMut) {{
                    {derived}::encode_raw(self, buf);
                    {encode}
                }}
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::innkeeper::prost::encoding::wire_type::WireType,
                    buf: &mut impl ::innkeeper::prost::bytes::Buf,
                    ctx: ::innkeeper::prost::encoding::DecodeContext,
                ) -> ::core::result::Result<(), ::innkeeper::prost::DecodeError> {{
                    {derived}::merge_field(self, tag, wire_type, buf, ctx)
                }}
                fn encoded_len(&self) -> usize {{
                    {derived}::encoded_len(self)
                    {len}
                }}
                fn clear(&mut self) {{
                    {derived}::clear(self)
                }}
            }}"
        )
    }
}
