//! Webhook handlers and the repair endpoint in the languages that apps are written in. They use the
//! client files, and tests run them.

use crate::clients::SOMEWHERE;

/// One language.
pub(super) struct Sample {
    pub(super) language: &'static str,
    /// The client file that both use.
    pub(super) client: &'static str,
    pub(super) files: [File; 2],
}

/// One file of a sample.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) text: String,
}

/// Every language, with the address of this installation.
pub(super) fn all(url: &str) -> Vec<Sample> {
    let sample = |(language, client), calls: (&'static str, &str), repair: (&'static str, &str)| {
        let file = |what, (name, text): (&'static str, &str)| {
            let text = text.trim_end().replace(SOMEWHERE, url);
            File { name, what, text }
        };
        let files = [file("The webhook handlers", calls), file("The repair endpoint", repair)];
        Sample { language, client, files }
    };
    vec![
        sample(
            ("Node", "sendpromptly.mjs"),
            ("calls.mjs", include_str!("../../templates/samples/node/calls.mjs")),
            ("repair.mjs", include_str!("../../templates/samples/node/repair.mjs")),
        ),
        sample(
            ("PHP with Laravel", "SendPromptly.php"),
            ("WebhookController.php", include_str!("../../templates/samples/laravel/calls.php")),
            ("RepairController.php", include_str!("../../templates/samples/laravel/repair.php")),
        ),
        sample(
            ("Python", "sendpromptly.py"),
            ("calls.py", include_str!("../../templates/samples/python/calls.py")),
            ("repair.py", include_str!("../../templates/samples/python/repair.py")),
        ),
        sample(
            ("Ruby", "sendpromptly.rb"),
            ("calls.rb", include_str!("../../templates/samples/ruby/calls.rb")),
            ("repair.rb", include_str!("../../templates/samples/ruby/repair.rb")),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_names_its_client_and_no_other_installation() {
        for sample in all("https://watch.cometcart.test") {
            let name = sample.client.split('.').next().unwrap_or_default();
            for file in &sample.files {
                assert!(file.text.contains(name), "{}", file.name);
                assert!(!file.text.contains(SOMEWHERE), "{}", file.name);
            }
        }
    }
}
