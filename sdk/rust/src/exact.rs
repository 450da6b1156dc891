//! Exact: where the messages with float fields are derived, so that -0 is written.
//!
//! X1. prost leaves a field out if it equals 0, and -0 does. A state that comes back with 0 in its place could be decided on
//!     otherwise than before (law L1). So prost derives this trait for such messages, and generated code makes of it a `Message`
//!     that adds what was left out. The field is then written after the others.

pub use prost::*;

/// prost's, as its derive implements it.
pub trait Message {
    fn encode_raw(&self, buf: &mut impl bytes::BufMut);
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: encoding::wire_type::WireType,
        buf: &mut impl bytes::Buf,
        ctx: encoding::DecodeContext,
    ) -> Result<(), DecodeError>;
    fn encoded_len(&self) -> usize;
    fn clear(&mut self);
}

/// A float that may be -0.
pub trait Float: Copy {
    fn encode_minus_zero(self, tag: u32, buf: &mut impl bytes::BufMut);
    fn minus_zero_len(self, tag: u32) -> usize;
}

macro_rules! float {
    ($float:ty, $module:ident) => {
        impl Float for $float {
            fn encode_minus_zero(self, tag: u32, buf: &mut impl bytes::BufMut) {
                if self.to_bits() == <$float>::to_bits(-0.0) {
                    encoding::$module::encode(tag, &self, buf);
                }
            }

            fn minus_zero_len(self, tag: u32) -> usize {
                if self.to_bits() == <$float>::to_bits(-0.0) { encoding::$module::encoded_len(tag, &self) } else { 0 }
            }
        }
    };
}

float!(f64, double);
float!(f32, float);
