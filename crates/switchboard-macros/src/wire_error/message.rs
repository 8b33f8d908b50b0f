//! The text of a message, and the fields that it contains.
use crate::emit::Errors;
use syn::LitStr;

/// A text for `format!`, with the fields renamed; a text without fields is sent as it is.
pub(super) struct Message {
    pub(super) text: LitStr,
    /// The indices of the fields in it.
    pub(super) fields: Vec<usize>,
}

/// The name of a field in the text that `format!` gets.
pub(super) fn name(field: usize) -> String {
    format!("__field{field}")
}

/// Reads a text; `fields` are the names that it may have in braces.
pub(super) fn read(text: &LitStr, fields: &[String], errors: &mut Errors) -> Message {
    let source = text.value();
    let mut reading = Reading { fields, used: Vec::new(), problems: Vec::new() };
    let mut written = String::new();
    let mut rest = source.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        written.push_str(before);
        if brace.starts_with("{{") || brace.starts_with("}}") {
            written.push_str(&brace[..2]);
            rest = &brace[2..];
        } else if let Some((inside, after)) = brace.strip_prefix('{').and_then(|brace| brace.split_once('}')) {
            written.push_str(&reading.placeholder(inside));
            rest = after;
        } else {
            reading.problems.push("a brace without its other half; a brace that is text is written twice".into());
            written.push_str(&brace[..1].repeat(2));
            rest = &brace[1..];
        }
    }
    written.push_str(rest);
    let Reading { used, problems, .. } = reading;
    for problem in problems {
        errors.at(text, problem);
    }
    if used.is_empty() {
        // A text without fields is not formatted.
        written = written.replace("{{", "{").replace("}}", "}");
    }
    Message { text: LitStr::new(&written, text.span()), fields: used }
}

struct Reading<'a> {
    fields: &'a [String],
    used: Vec<usize>,
    problems: Vec<String>,
}

impl Reading<'_> {
    /// `least`, `0`, `least:?` or `least:>width$`.
    fn placeholder(&mut self, inside: &str) -> String {
        let (argument, format) = inside.split_once(':').map_or((inside, None), |(name, format)| (name, Some(format)));
        let argument = self.field(argument.trim());
        let format = format.map_or(String::new(), |format| format!(":{}", self.format(format)));
        format!("{{{argument}{format}}}")
    }

    /// The format after the colon, which may contain fields as `width$`.
    fn format(&mut self, format: &str) -> String {
        let mut written = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('$') {
            let start = before
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
            written.push_str(&before[..start]);
            written.push_str(&self.field(&before[start..]));
            written.push('$');
            rest = after;
        }
        written + rest
    }

    fn field(&mut self, wanted: &str) -> String {
        let Some(nth) = self.fields.iter().position(|field| field == wanted) else {
            self.problems.push(self.missing(wanted));
            return String::new();
        };
        if !self.used.contains(&nth) {
            self.used.push(nth);
        }
        name(nth)
    }

    fn missing(&self, wanted: &str) -> String {
        let list: Vec<String> = self.fields.iter().map(|field| format!("`{{{field}}}`")).collect();
        let there = if list.is_empty() {
            "there are no fields here".to_owned()
        } else {
            format!("there is {}", list.join(", "))
        };
        let wanted = if wanted.is_empty() {
            "braces hold the name of a field".to_owned()
        } else {
            format!("there is no field `{wanted}` here")
        };
        format!("{wanted}; {there}; a brace that is text is written twice")
    }
}
