//! An SVG document: elements written one after the other, with escaped text and one style sheet.
//!
//! Coordinates are in CSS pixels, x to the right and y downwards. Colours are classes of the style sheet,
//! which has a light and a dark set; the root's class keeps its rules from other figures on an HTML page.
//! Source: SVG 1.1 (W3C, 2011), §5.4 (`title` and `desc`) and §10 (text).

use std::fmt::Write;

/// Names that the series of a figure take in turn: `s0`, `s1`, …
pub const N_SERIES: usize = 8;

/// The height of ordinary text.
pub const FONT_SIZE: f64 = 14.0;

const STYLE: &str = "
.c2tf{--paper:#ffffff;--ink:#1b1f24;--faint:#6a737d;--rule:#d8dee4;--one:#1f6feb;--zero:#ffffff;--mark:#b35900;\
--s0:#0b62b0;--s1:#b34700;--s2:#1a7f4b;--s3:#8f3f97;--s4:#8a6500;--s5:#b3255a;--s6:#0b7a86;--s7:#57606a;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif}
@media (prefers-color-scheme:dark){.c2tf{--paper:#14181d;--ink:#e6edf3;--faint:#9aa4af;--rule:#343c45;\
--one:#2f7fe0;--zero:#14181d;--mark:#ffb366;--s0:#6cb6ff;--s1:#ffa264;--s2:#5fd598;--s3:#dba2e6;--s4:#e3c052;--s5:#ff8fb0;\
--s6:#5fd4dd;--s7:#b1bac4}}
.c2tf text{fill:var(--ink);font-size:14px}
.c2tf .title{font-size:18px;font-weight:600}
.c2tf .small{font-size:11px}
.c2tf .faint{fill:var(--faint)}
.c2tf .paper{fill:var(--paper)}
.c2tf .rule{stroke:var(--rule);fill:none}
.c2tf .axis{stroke:var(--ink);fill:none}
";

/// A figure while it is drawn.
#[derive(Debug, Clone)]
pub struct Svg {
    width: f64,
    height: f64,
    head: String,
    body: String,
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An empty figure of a size; `title` and `description` say in words what it shows, and `style` is
    /// added to the style sheet, its selectors beginning with `.c2tf`.
    pub fn new(width: f64, height: f64, title: &str, description: &str, style: &str) -> Self {
        let head = format!(
            "<title>{}</title>\n<desc>{}</desc>\n<style>{STYLE}{style}</style>\n",
            escape(title),
            escape(description)
        );
        let mut svg = Svg { width, height, head, body: String::new() };
        svg.element("rect", &[("class", "paper"), ("width", "100%"), ("height", "100%")]);
        svg
    }

    /// An element without content. Values are escaped; names come from the program.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.body.truncate(self.body.len() - 2);
        self.body.push_str("/>\n");
    }

    /// Opens an element that [`Self::close`] closes.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.body.push_str(">\n");
    }

    pub fn close(&mut self, name: &str) {
        let _ = writeln!(self.body, "</{name}>");
    }

    /// Words that readers of the screen hear and pointers show, for the element that is open.
    pub fn tooltip(&mut self, text: &str) {
        let _ = writeln!(self.body, "<title>{}</title>", escape(text));
    }

    /// Text inside the element that is open.
    pub fn words(&mut self, text: &str) {
        if self.body.ends_with('\n') {
            self.body.pop();
        }
        self.body.push_str(&escape(text));
    }

    /// A text whose baseline begins, is centred or ends at a point.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        self.turned_text((x, y), anchor, class, 0.0, text);
    }

    /// A text turned by `degrees` clockwise about its anchor.
    pub fn turned_text(
        &mut self,
        (x, y): (f64, f64),
        anchor: Anchor,
        class: &str,
        degrees: f64,
        text: &str,
    ) {
        let (x, y) = (number(x), number(y));
        let turn = format!("rotate({} {x} {y})", number(degrees));
        let mut attributes = vec![("x", x.as_str()), ("y", y.as_str())];
        if anchor != Anchor::Start {
            let name = if anchor == Anchor::Middle { "middle" } else { "end" };
            attributes.push(("text-anchor", name));
        }
        if !class.is_empty() {
            attributes.push(("class", class));
        }
        if degrees != 0.0 {
            attributes.push(("transform", &turn));
        }
        self.start("text", &attributes);
        let _ = writeln!(self.body, ">{}</text>", escape(text));
    }

    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(number);
        let ends = [("x1", &*x1), ("y1", &*y1), ("x2", &*x2), ("y2", &*y2)];
        self.element("line", &[&[("class", class)], &ends[..]].concat());
    }

    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        let box_ = [("x", &*x), ("y", &*y), ("width", &*width), ("height", &*height)];
        self.element("rect", &[&[("class", class)], &box_[..]].concat());
    }

    pub fn path(&mut self, class: &str, d: &str) {
        self.element("path", &[("class", class), ("d", d)]);
    }

    /// The document.
    pub fn finish(self) -> String {
        let (width, height) = (number(self.width), number(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"c2tf\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n{}{}</svg>\n",
            self.head, self.body
        )
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.body, "<{name}");
        for (attribute, value) in attributes {
            let _ = write!(self.body, " {attribute}=\"{}\"", escape(value));
        }
    }
}

/// Text as XML character data or attribute value; characters that XML 1.0 forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A coordinate: at most two decimals, no trailing zeros, no negative zero.
pub fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// About how wide a text is drawn at a font size: no font is at hand, and sans serif letters are
/// 0.56 em wide on average.
pub fn text_width(text: &str, font_size: f64) -> f64 {
    text.chars().count() as f64 * 0.56 * font_size
}

/// The text, cut to `n` characters with an ellipsis if it is longer.
pub fn shortened(text: &str, n: usize) -> String {
    if text.chars().count() > n {
        text.chars().take(n.saturating_sub(1)).chain(['…']).collect()
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_text_or_attributes() {
        let hostile = "</text><script>alert(\"1\" & '2')\0";
        let mut svg = Svg::new(10.0, 10.0, hostile, hostile, "");
        svg.text(1.0, 2.0, Anchor::Middle, hostile, hostile);
        svg.open("g", &[("aria-label", hostile)]);
        svg.tooltip(hostile);
        svg.close("g");
        let text = svg.finish();
        assert!(!text.contains("<script") && !text.contains("alert(\"") && !text.contains('\0'));
        assert_eq!(text.matches("&lt;/text&gt;&lt;script&gt;").count(), 6);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.001, "0"),
            (1.0, "1"),
            (2.5, "2.5"),
            (1.0 / 3.0, "0.33"),
            (100.0, "100"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn long_text_is_cut_at_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}
