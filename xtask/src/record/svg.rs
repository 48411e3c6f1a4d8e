//! A terminal as a picture: one step after the other appears, and then they stay. Whoever does not
//! want movement sees all of them at once. No fonts, no scripts.

use std::fmt::Write as _;

use super::screen::Span;

/// A column in hundredths of a pixel, for a font of 14, and a line in pixels.
const COLUMN: usize = 843;
const LINE: usize = 19;
const MARGIN: usize = 16;
const COLUMNS: usize = 88;
/// The bar with the three dots.
const BAR: usize = 34;
/// Milliseconds between two steps, and between a command and what comes of it.
const PACE: usize = 1600;
const ANSWER: usize = 600;

const STYLE: &str = "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#cdd6f4;white-space:pre}
.p{fill:#89b4fa;font-weight:bold}.c{font-weight:bold}
.c31{fill:#f38ba8}.c32{fill:#a6e3a1}.c33{fill:#f9e2af}.c36{fill:#89dceb}
g.s{opacity:0;animation:s .3s forwards}@keyframes s{to{opacity:1}}
@media (prefers-reduced-motion){g.s{opacity:1;animation:none}}";

/// The picture of commands and what came of them.
pub(super) fn write(scenes: &[(String, Vec<Vec<Span>>)]) -> String {
    let mut body = String::new();
    let mut at = 0;
    for (index, (command, lines)) in scenes.iter().enumerate() {
        let begin = 300 + PACE * index;
        let prompt = "<tspan class=\"p\">$ </tspan><tspan class=\"c\">";
        let prompt = format!("{prompt}{}</tspan>", escape(command));
        let _ = writeln!(body, "<g class=\"s\" style=\"animation-delay:{begin}ms\">");
        text(&mut body, at, command.chars().count() + 2, &prompt);
        let _ = writeln!(
            body,
            "</g>\n<g class=\"s\" style=\"animation-delay:{}ms\">",
            begin + ANSWER
        );
        for (below, line) in lines.iter().enumerate() {
            let count = line.iter().map(|span| span.text.chars().count()).sum();
            text(&mut body, at + 1 + below, count, &spans(line));
        }
        body.push_str("</g>\n");
        at += lines.len() + 2;
    }
    frame(&body, at.saturating_sub(1))
}

/// A line of text, as wide as its columns whatever the font.
fn text(body: &mut String, line: usize, columns: usize, content: &str) {
    if columns == 0 {
        return;
    }
    let y = BAR + MARGIN + line * LINE;
    let width = pixels(columns);
    let _ = writeln!(
        body,
        "<text x=\"{MARGIN}\" y=\"{y}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\">{content}</text>"
    );
}

fn spans(line: &[Span]) -> String {
    let span = |span: &Span| match span.color {
        0 => escape(&span.text),
        color => format!("<tspan class=\"c{color}\">{}</tspan>", escape(&span.text)),
    };
    line.iter().map(span).collect()
}

fn frame(body: &str, lines: usize) -> String {
    let (width, height) = (pixels(COLUMNS), BAR + MARGIN + lines * LINE);
    let dots = [(18, "#f38ba8"), (38, "#f9e2af"), (58, "#a6e3a1")];
    let dots =
        dots.map(|(x, color)| format!("<circle cx=\"{x}\" cy=\"17\" r=\"6\" fill=\"{color}\"/>"));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"kubectl mtls in a terminal\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e1e2e\"/>{}\n{body}</svg>\n",
        dots.concat()
    )
}

/// Whole pixels are enough.
fn pixels(columns: usize) -> usize {
    (columns * COLUMN + 50) / 100
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
