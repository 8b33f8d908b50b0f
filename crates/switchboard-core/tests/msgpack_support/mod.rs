//! JSON values written as MessagePack, in heads and integers of any width.
use rmp::Marker;
use serde_json::Value;

/// A source of widths.
pub(crate) struct Widths(pub(crate) u64);

impl Widths {
    /// Always the narrowest one.
    pub(crate) fn narrow() -> Widths {
        Widths(0)
    }

    /// How many steps wider than need be: 0 to 3.
    fn wider(&mut self) -> usize {
        if self.0 == 0 {
            return 0;
        }
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) | 1;
        [0, 0, 1, 2, 3][(self.0 >> 33) as usize % 5]
    }
}

pub(crate) fn pack(value: &Value, widths: &mut Widths) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, value, widths);
    out
}

/// A map of these pairs, which may have the same key twice.
pub(crate) fn pack_map(pairs: &[(String, Value)], widths: &mut Widths) -> Vec<u8> {
    let mut out = Vec::new();
    put_map(&mut out, pairs.len(), pairs.iter().map(|(key, value)| (key, value)), widths);
    out
}

fn put(out: &mut Vec<u8>, value: &Value, widths: &mut Widths) {
    match value {
        Value::Null => out.push(Marker::Null.to_u8()),
        Value::Bool(value) => out.push(if *value { Marker::True } else { Marker::False }.to_u8()),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => put_unsigned(out, value, widths),
            (_, Some(value)) => put_negative(out, value, widths),
            _ => {
                let value = number.as_f64().expect("a float");
                if widths.wider() == 0 && f64::from(value as f32) == value && widths.0 != 0 {
                    out.push(Marker::F32.to_u8());
                    out.extend_from_slice(&(value as f32).to_be_bytes());
                } else {
                    out.push(Marker::F64.to_u8());
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
        },
        Value::String(text) => put_text(out, text, widths),
        Value::Array(items) => {
            put_head(out, items.len(), 16, [0x90, 0, 0xdc, 0xdd], widths);
            for item in items {
                put(out, item, widths);
            }
        }
        Value::Object(map) => put_map(out, map.len(), map.iter(), widths),
    }
}

fn put_map<'a>(
    out: &mut Vec<u8>,
    count: usize,
    pairs: impl Iterator<Item = (&'a String, &'a Value)>,
    widths: &mut Widths,
) {
    put_head(out, count, 16, [0x80, 0, 0xde, 0xdf], widths);
    for (key, value) in pairs {
        put_text(out, key, widths);
        put(out, value, widths);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str, widths: &mut Widths) {
    put_head(out, text.len(), 32, [0xa0, 0xd9, 0xda, 0xdb], widths);
    out.extend_from_slice(text.as_bytes());
}

/// A count in the marker itself while it is less than `fixed`, else behind one of the markers for 1, 2 and 4 bytes.
fn put_head(out: &mut Vec<u8>, count: usize, fixed: usize, markers: [u8; 4], widths: &mut Widths) {
    let least = [count < fixed, count < 1 << 8 && markers[1] != 0, count < 1 << 16, true];
    let least = least.iter().position(|fits| *fits).expect("the last one");
    let mut width = (least + widths.wider()).min(3);
    if markers[width] == 0 {
        width = 2;
    }
    match width {
        0 => out.push(markers[0] | count as u8),
        1 => out.extend_from_slice(&[markers[1], count as u8]),
        2 => out.extend([&[markers[2]][..], &(count as u16).to_be_bytes()].concat()),
        _ => out.extend([&[markers[3]][..], &(count as u32).to_be_bytes()].concat()),
    }
}

fn put_unsigned(out: &mut Vec<u8>, value: u64, widths: &mut Widths) {
    let least = [value < 1 << 7, value < 1 << 8, value < 1 << 16, value < 1 << 32, true];
    let least = least.iter().position(|fits| *fits).expect("the last one");
    let width = (least + widths.wider()).min(4);
    if width == 0 {
        return out.push(value as u8);
    }
    let is_signed = widths.wider() == 3 && value < 1 << ((8 << (width - 1)) - 1);
    out.push(if is_signed { 0xd0 } else { 0xcc } + width as u8 - 1);
    out.extend_from_slice(&value.to_be_bytes()[8 - (1 << (width - 1))..]);
}

fn put_negative(out: &mut Vec<u8>, value: i64, widths: &mut Widths) {
    let least = [value >= -32, value >= -1 << 7, value >= -1 << 15, value >= -1 << 31, true];
    let least = least.iter().position(|fits| *fits).expect("the last one");
    let width = (least + widths.wider()).min(4);
    if width == 0 {
        return out.push(value as u8);
    }
    out.push(0xd0 + width as u8 - 1);
    out.extend_from_slice(&value.to_be_bytes()[8 - (1 << (width - 1))..]);
}
