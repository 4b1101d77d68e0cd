//! Both calls and the repair endpoint in the languages that apps are written in. The files are whole
//! programs, and tests run them.

/// What the files say where an installation's address belongs.
const SOMEWHERE: &str = "https://sendpromptly.example.com";

/// One language.
pub(super) struct Sample {
    pub(super) language: &'static str,
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
    let sample = |language, calls: (&'static str, &str), repair: (&'static str, &str)| {
        let file = |what, (name, text): (&'static str, &str)| {
            let text = text.trim_end().replace(SOMEWHERE, url);
            File { name, what, text }
        };
        let files = [file("The two calls", calls), file("The repair endpoint", repair)];
        Sample { language, files }
    };
    vec![
        sample(
            "Node",
            ("calls.mjs", include_str!("../../../templates/samples/node/calls.mjs")),
            ("repair.mjs", include_str!("../../../templates/samples/node/repair.mjs")),
        ),
        sample(
            "PHP with Laravel",
            ("SendPromptly.php", include_str!("../../../templates/samples/laravel/calls.php")),
            ("RepairController.php", include_str!("../../../templates/samples/laravel/repair.php")),
        ),
        sample(
            "Python",
            ("calls.py", include_str!("../../../templates/samples/python/calls.py")),
            ("repair.py", include_str!("../../../templates/samples/python/repair.py")),
        ),
        sample(
            "Ruby",
            ("calls.rb", include_str!("../../../templates/samples/ruby/calls.rb")),
            ("repair.rb", include_str!("../../../templates/samples/ruby/repair.rb")),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_names_this_installation() {
        for sample in all("https://watch.cometcart.test") {
            let [calls, repair] = &sample.files;
            assert!(calls.text.contains("https://watch.cometcart.test"), "{}", sample.language);
            assert!(!calls.text.contains(SOMEWHERE) && !repair.text.contains(SOMEWHERE));
        }
    }
}
