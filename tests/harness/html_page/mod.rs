//! A page of the console as a person reads it: by headings, labels, captions and the names of
//! buttons and links, not by its markup.
//!
//! Times read `[time]`, so that a page can be compared with what is expected of it. What only a
//! colour says stands in brackets before the text: `[open] Open for [time]`. The cells of a row
//! stand in one line, and what is folded is not read.

mod text;

use scraper::{ElementRef, Html};

use self::text::{css, name_of, text_of};

#[derive(Debug)]
pub struct HtmlPage {
    html: Html,
}

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    /// What is typed or chosen in it.
    pub value: String,
    pub disabled: bool,
}

/// A button of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Button {
    /// Where pressing it sends the form.
    pub action: String,
    pub disabled: bool,
}

impl HtmlPage {
    #[must_use]
    pub fn parse(html: &str) -> Self {
        Self { html: Html::parse_document(html) }
    }

    /// Its markup, for what must stand nowhere in it.
    #[must_use]
    pub fn html(&self) -> String {
        self.html.html()
    }

    /// All that is read, a line for each paragraph, entry and cell.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(self.html.root_element())
    }

    /// The name of the browser's tab.
    #[must_use]
    pub fn title(&self) -> String {
        self.texts("title").concat()
    }

    #[must_use]
    pub fn heading(&self) -> String {
        self.texts("h1").join("\n")
    }

    /// What the page says about the form that was just sent.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let message = self.select(".message[role=status]").next()?;
        Some(toned(message, "message", texts_in(message, "p").first()?))
    }

    /// What is shown once, below the message.
    #[must_use]
    pub fn secret(&self) -> Option<String> {
        self.select(".secret code").next().map(text_of)
    }

    /// What a screen reader says first.
    #[must_use]
    pub fn alerts(&self) -> Vec<String> {
        self.texts("[role=alert]")
    }

    /// The short words about a state, in order.
    #[must_use]
    pub fn badges(&self) -> Vec<String> {
        self.select(":not(figcaption) > .state")
            .map(|it| toned(it, "state", &text_of(it)))
            .collect()
    }

    /// A fact beside the timeline.
    #[must_use]
    pub fn field(&self, label: &str) -> String {
        let fact = self.select("dl > div").find(|it| texts_in(*it, "dt").concat() == label);
        let fact = fact.unwrap_or_else(|| self.missing("fact", label));
        texts_in(fact, "dd").concat()
    }

    /// What the entries of the timeline say, oldest first.
    #[must_use]
    pub fn timeline(&self) -> String {
        let entries = self.select("ol.line > li").map(|entry| {
            let sentence = texts_in(entry, "div").swap_remove(0);
            toned(entry, "", &sentence.replace('\n', "\n  "))
        });
        entries.collect::<Vec<_>>().join("\n")
    }

    /// The steps of a checklist.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        self.select("ol.steps > li").map(|it| toned(it, "", &text_of(it))).collect()
    }

    /// The rows of the table whose caption begins so, none where there is no such table.
    #[must_use]
    pub fn rows(&self, caption: &str) -> Vec<String> {
        self.rows_of(caption).into_iter().map(text_of).collect()
    }

    /// Where the first link of each row of that table leads.
    #[must_use]
    pub fn row_links(&self, caption: &str) -> Vec<String> {
        let rows = self.rows_of(caption);
        let links = rows.into_iter().filter_map(|row| row.select(&css("a")).next()?.attr("href"));
        links.map(str::to_owned).collect()
    }

    /// The field with this label.
    #[must_use]
    pub fn input(&self, label: &str) -> Input {
        let control = self.control(label);
        let value = match control.value().name() {
            "select" => texts_in(control, "option[selected]").concat(),
            "textarea" => control.text().collect(),
            _ => control.attr("value").unwrap_or_default().to_owned(),
        };
        Input { value, disabled: control.attr("disabled").is_some() }
    }

    /// What the first hidden field of this name sends.
    #[must_use]
    pub fn hidden(&self, name: &str) -> String {
        let field = self.select(&format!("input[type=hidden][name={name}]")).next();
        let field = field.unwrap_or_else(|| self.missing("hidden field", name));
        field.attr("value").unwrap_or_default().to_owned()
    }

    /// What is wrong with the field of this label, as a screen reader says it with the field.
    #[must_use]
    pub fn error(&self, label: &str) -> Option<String> {
        let control = self.control(label);
        control.attr("aria-invalid")?;
        let described_by = control.attr("aria-describedby")?.split(' ');
        let mut described_by = described_by.filter_map(|id| self.select(&format!("#{id}")).next());
        described_by.find(|it| it.value().classes().any(|class| class == "wrong")).map(text_of)
    }

    /// All that is wrong with the forms.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.texts(".wrong")
    }

    /// The names of all buttons.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        self.select("button").map(name_of).collect()
    }

    #[must_use]
    pub fn button(&self, name: &str) -> Button {
        let found = self.select("button").find(|it| name_of(*it) == name);
        let found = found.unwrap_or_else(|| self.missing("button", name));
        let form = found.ancestors().filter_map(ElementRef::wrap);
        let mut form = form.filter(|it| it.value().name() == "form");
        let action = found.attr("formaction").or_else(|| form.next()?.attr("action"));
        Button {
            action: action.unwrap_or_default().to_owned(),
            disabled: found.attr("disabled").is_some(),
        }
    }

    /// Where the link of this name leads.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<String> {
        let link = self.select("a").find(|it| name_of(*it) == name)?;
        link.attr("href").map(str::to_owned)
    }

    /// What the button beside it copies.
    #[must_use]
    pub fn copyable(&self, what: &str) -> String {
        let mut copyable = self.select("[data-copy]");
        let found = copyable.find(|it| it.attr("data-copy") == Some(what));
        text_of(found.unwrap_or_else(|| self.missing("copyable text", what)))
    }

    /// What is said wherever the page has this.
    #[must_use]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.select(selector).map(text_of).collect()
    }

    /// The exact moment of each time, as RFC 3339.
    #[must_use]
    pub fn moments(&self) -> Vec<&str> {
        self.select("time").filter_map(|it| it.attr("datetime")).collect()
    }

    fn select(&self, selector: &str) -> impl Iterator<Item = ElementRef<'_>> {
        self.html.select(&css(selector)).collect::<Vec<_>>().into_iter()
    }

    fn rows_of(&self, caption: &str) -> Vec<ElementRef<'_>> {
        let table = self
            .select("table")
            .find(|table| texts_in(*table, "caption").iter().any(|text| text.starts_with(caption)));
        table.map_or_else(Vec::new, |table| table.select(&css("tbody > tr")).collect())
    }

    fn control(&self, label: &str) -> ElementRef<'_> {
        let label_element = self.select("label").find(|it| text_of(*it) == label);
        let id = label_element.and_then(|it| it.attr("for"));
        let control = id.and_then(|id| self.select(&format!("#{id}")).next());
        control.unwrap_or_else(|| self.missing("field", label))
    }

    fn missing(&self, what: &str, name: &str) -> ! {
        panic!("no {what} {name:?} on the page:\n{}", self.text())
    }
}

fn texts_in(element: ElementRef<'_>, selector: &str) -> Vec<String> {
    element.select(&css(selector)).map(text_of).collect()
}

/// A text with what its colour says.
fn toned(element: ElementRef<'_>, base: &str, text: &str) -> String {
    let tone = element.value().classes().find(|class| *class != base);
    tone.map_or_else(|| text.to_owned(), |tone| format!("[{tone}] {text}"))
}
