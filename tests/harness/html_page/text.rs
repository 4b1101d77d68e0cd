//! The text of a page: what stands in a line, where a line ends, and what is not read at all.

use scraper::{ElementRef, Node, Selector};

/// What a person does not read, or reads as a field's value.
const NOT_READ: [&str; 7] =
    ["head", "script", "style", "noscript", "textarea", "select", "datalist"];
/// What goes on in the line that it is in; everything else is a line of its own.
const INLINE: [&str; 8] = ["a", "b", "code", "em", "i", "span", "strong", "wbr"];

/// What an element says: a line for each block, a line for each row of a table.
pub(super) fn text_of(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    write_element(element, &mut text);
    text.trim().to_owned()
}

/// What an element is called by a person, and by a screen reader.
pub(super) fn name_of(element: ElementRef<'_>) -> String {
    element.attr("aria-label").map_or_else(|| text_of(element), str::to_owned)
}

pub(super) fn css(selector: &str) -> Selector {
    Selector::parse(selector).expect("a selector")
}

fn write_element(element: ElementRef<'_>, text: &mut String) {
    match element.value().name() {
        name if NOT_READ.contains(&name) => {}
        "time" => text.push_str("[time]"),
        "br" => end_line(text),
        "pre" | "blockquote" => {
            end_line(text);
            text.extend(element.text());
            end_line(text);
        }
        "tr" => {
            let cells = element.child_elements().map(|cell| text_of(cell).replace('\n', " "));
            let cells: Vec<_> = cells.filter(|cell| !cell.is_empty()).collect();
            end_line(text);
            text.push_str(&cells.join(" | "));
            end_line(text);
        }
        // A closed one shows its summary alone.
        "details" if element.attr("open").is_none() => {
            let mut children = element.child_elements();
            if let Some(summary) = children.find(|it| it.value().name() == "summary") {
                write_element(summary, text);
            }
        }
        name if INLINE.contains(&name) => write_children(element, text),
        _ => {
            end_line(text);
            write_children(element, text);
            end_line(text);
        }
    }
}

fn write_children(element: ElementRef<'_>, text: &mut String) {
    for child in element.children() {
        if let Node::Text(written) = child.value() {
            write_words(written, text);
        } else if let Some(element) = ElementRef::wrap(child) {
            write_element(element, text);
        }
    }
}

/// Writes words as a browser does, which takes any white space for one space.
fn write_words(written: &str, text: &mut String) {
    let space = |text: &mut String| {
        if !text.is_empty() && !text.ends_with(char::is_whitespace) {
            text.push(' ');
        }
    };
    if written.starts_with(char::is_whitespace) {
        space(text);
    }
    text.push_str(&written.split_whitespace().collect::<Vec<_>>().join(" "));
    if written.ends_with(char::is_whitespace) {
        space(text);
    }
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
