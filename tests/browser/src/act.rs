//! What a visitor does with a page: real mouse and key presses, which need no script in the page.
//!
//! A click goes to the middle of what was found, and only if the visitor could hit it there. After
//! each act the page is given the time to start and finish a navigation. Nothing is done twice:
//! only the search is retried.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::find::Element;
use super::page::Page;

/// Gives why the element cannot be clicked at this place, or nothing.
const OBSTACLE: &str = r#"function (x, y) {
    const own = this.nodeType === Node.TEXT_NODE ? this.parentElement : this;
    const hit = document.elementFromPoint(x, y);
    if (own.matches(":disabled")) return "it is disabled";
    if (!hit) return "it is outside the window";
    const reached = own.contains(hit) || Array.from(own.labels ?? []).some(one => one.contains(hit));
    return reached ? null : "it is covered by " + hit.outerHTML.slice(0, 120);
}"#;

/// Chooses the option with this text; gives the texts of all options if there is none.
const CHOOSE: &str = r#"function (text) {
    const options = Array.from(this.options ?? []);
    const wanted = options.find(one => one.label.trim() === text && !one.disabled);
    if (!wanted) return "there are: " + options.map(one => one.label.trim()).join(", ");
    wanted.selected = true;
    for (const kind of ["input", "change"]) this.dispatchEvent(new Event(kind, { bubbles: true }));
    return null;
}"#;

impl Page {
    /// Clicks what a locator finds.
    pub async fn click(&self, locator: &str) {
        self.click_found(locator, async || self.find(locator).await).await;
    }

    /// Clicks the link, button or other text with exactly this text.
    pub async fn click_text(&self, text: &str) {
        self.click_found(text, async || self.find_text(text).await).await;
    }

    /// Replaces what is in the field with this label, key by key as far as the page can see.
    pub async fn fill_label(&self, label: &str, text: &str) {
        let what = format!("the field {label:?}");
        let field = self.attempt(&what, async || {
            let field = self.find_field(label).await?;
            self.call("DOM.focus", json!({ "objectId": field.object })).await?;
            self.on(&field, "function () { this.select?.() }", &[]).await?;
            Ok(field)
        });
        let field = field.await;
        if text.is_empty() {
            self.press("Delete").await;
        } else {
            self.type_text(text).await;
        }
        let holds = self.on(&field, "function () { return this.value }", &[]).await;
        assert_eq!(holds.expect("a field"), text, "what {what} took");
    }

    /// Chooses an option by its text, in the select with this label.
    pub async fn select_label(&self, label: &str, option: &str) {
        let what = format!("the option {option:?} of {label:?}");
        self.attempt(&what, async || {
            let select = self.find_field(label).await?;
            match self.on(&select, CHOOSE, &[option.into()]).await?.as_str() {
                Some(instead) => anyhow::bail!("{instead}"),
                None => Ok(()),
            }
        })
        .await;
        self.settle().await;
    }

    /// Types into whatever has the focus.
    pub async fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await.expect("a text");
    }

    /// Presses a key: `Enter`, `Tab`, `Space`, `Escape`, `Delete`, `ArrowDown` or a character, also with `Control+` before it.
    pub async fn press(&self, key: &str) {
        let (control, key) = match key.strip_prefix("Control+") {
            Some(key) => (true, key),
            None => (false, key),
        };
        let (name, code, text) = match key {
            "Enter" => ("Enter", 13, "\r"),
            "Tab" => ("Tab", 9, ""),
            "Space" => (" ", 32, " "),
            "Escape" => ("Escape", 27, ""),
            "Delete" => ("Delete", 46, ""),
            "ArrowDown" => ("ArrowDown", 40, ""),
            one if one.chars().count() == 1 => (one, 0, if control { "" } else { one }),
            _ => panic!("no key {key:?} is known here"),
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let mut stroke = json!({ "key": name, "code": key, "windowsVirtualKeyCode": code });
        stroke["modifiers"] = if control { 2 } else { 0 }.into();
        for (kind, text) in [(down, text), ("keyUp", "")] {
            stroke["type"] = kind.into();
            stroke["text"] = text.into();
            self.call("Input.dispatchKeyEvent", stroke.clone()).await.expect("a key");
        }
        self.settle().await;
    }

    async fn click_found(&self, what: &str, find: impl AsyncFn() -> anyhow::Result<Element>) {
        let what = format!("click {what:?}");
        let place = self.attempt(&what, async || self.place(&find().await?).await).await;
        let mut click = json!({ "x": place.0, "y": place.1, "button": "left", "clickCount": 1 });
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            click["type"] = kind.into();
            self.call("Input.dispatchMouseEvent", click.clone()).await.expect("a click");
        }
        self.settle().await;
    }

    /// The middle of an element in the window, where the visitor can hit it.
    async fn place(&self, element: &Element) -> anyhow::Result<(f64, f64)> {
        let of = json!({ "objectId": element.object });
        self.call("DOM.scrollIntoViewIfNeeded", of.clone()).await?;
        let quads = self.call("DOM.getContentQuads", of).await?;
        let corners: Vec<f64> = serde_json::from_value(quads["quads"][0].clone())
            .context("it takes no space on the page")?;
        let middle = |skip| corners.iter().skip(skip).step_by(2).sum::<f64>() / 4.0;
        let (x, y) = (middle(0), middle(1));
        match self.on(element, OBSTACLE, &[x.into(), y.into()]).await? {
            Value::Null => Ok((x, y)),
            obstacle => anyhow::bail!("{}", obstacle.as_str().unwrap_or_default()),
        }
    }

    /// Waits until the page has done what an action led to immediately.
    async fn settle(&self) {
        // A form is sent by a task of its own. Whatever the page responds now, it responds after
        // that, and a response that a navigation swallows says that it has begun.
        let _ = self.script("0").await;
        self.at_rest().await.expect("a page at rest");
    }
}
