//! A rule's documentation: for the terminal (`quorate explain RULE`), as a table (`quorate policy list`) and as
//! `docs/rules.md` (`quorate policy docs`).

use std::fmt::Write as _;

use super::configuration::nearest;
use super::registry::{Rule, RuleEngine};
use super::set::PolicySet;

/// What is known of a rule, to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a> {
    /// The rule.
    pub rule: &'a Rule,
}

/// A line of the table of rules.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRow {
    /// Its id.
    pub id: String,
    /// Its pack.
    pub pack: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What evaluates it: `rego`, `simulation`, `loader`, `policy`.
    pub engine: &'static str,
    /// What it finds.
    pub title: String,
    /// The facts without which it is inactive, each as a text.
    pub needs: Vec<String>,
}

/// The explanation of the rule of this id (also with its pack, `security/runs-as-root`), or else the id that is most like
/// it, if any is.
///
/// # Errors
/// When there is no such rule: the nearest id.
pub fn explain<'a>(set: &'a PolicySet, id: &str) -> Result<Explanation<'a>, Option<String>> {
    let plain = id.rsplit_once('/').map_or(id, |(_, id)| id);
    let rule = set.rule(id).or_else(|| set.rule(plain));
    rule.map(|rule| Explanation { rule }).ok_or_else(|| nearest(plain, set.rules().iter().map(|rule| &*rule.id)))
}

/// Every rule as a line of a table, by pack in the order of the library.
#[must_use]
pub fn table(set: &PolicySet) -> Vec<RuleRow> {
    let rows = set.rules().iter().map(|rule| RuleRow {
        id: rule.id.to_string(),
        pack: rule.pack.to_string(),
        severity: rule.severity.as_str().to_owned(),
        engine: rule.engine.as_str(),
        title: rule.title.clone(),
        needs: rule.needs.iter().map(ToString::to_string).collect(),
    });
    rows.collect()
}

impl Explanation<'_> {
    /// The explanation for a terminal of `width` columns: no colours, no markup beyond what reads as text.
    #[must_use]
    pub fn for_terminal(&self, width: usize) -> String {
        let mut text = String::new();
        for block in blocks(&self.markdown(Heading::None)) {
            match block {
                Block::Verbatim(lines) => lines.iter().for_each(|line| push(&mut text, &format!("    {line}"))),
                Block::Heading(heading) => push(&mut text, heading),
                Block::Item(item) => push(&mut text, &filled(&item, width, "  - ", "    ")),
                Block::Paragraph(paragraph) => push(&mut text, &filled(&paragraph, width, "  ", "  ")),
                Block::Blank => push(&mut text, ""),
            }
        }
        let rule = self.rule;
        format!("{}[{}]: {}\n\n{}", rule.severity.as_str(), rule.id, rule.title, text.trim_end())
    }

    /// The explanation as Markdown, without a heading of its own.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        self.markdown(Heading::Bold)
    }

    fn markdown(&self, heading: Heading) -> String {
        let rule = self.rule;
        let mut text = format!("{}\n", rule.description);
        section(&mut text, heading, "Why", &rule.why);
        section(&mut text, heading, "Mend", &rule.help);
        section(&mut text, heading, "Looks at", &self.scope());
        section(&mut text, heading, "Parameters", &parameters(rule));
        let examples = &rule.examples;
        section(&mut text, heading, "Example that it finds", &fenced(examples.violating));
        section(&mut text, heading, "The same, mended", &fenced(examples.compliant));
        section(&mut text, heading, "With this quorate.yaml", &fenced(examples.environment));
        let links = rule.related_resources.iter().map(|link| match link.description.as_str() {
            "" => format!("- <{}>", link.reference),
            description => format!("- {description}: <{}>", link.reference),
        });
        section(&mut text, heading, "Read more", &links.collect::<Vec<_>>().join("\n"));
        text
    }

    /// What it looks at and what it needs, in one paragraph.
    fn scope(&self) -> String {
        let rule = self.rule;
        let kinds: Vec<String> = rule.kinds.iter().map(ToString::to_string).collect();
        let looks_at = match &rule.engine {
            RuleEngine::Rego(_) if rule.looks_at_environment() => "The facts in quorate.yaml, once a run.".to_owned(),
            RuleEngine::Rego(_) if kinds.is_empty() => "Every object.".to_owned(),
            RuleEngine::Rego(_) => format!("{}.", kinds.join(", ")),
            RuleEngine::Simulation => "The simulated cluster.".to_owned(),
            RuleEngine::Loader => "Every document that is read.".to_owned(),
            RuleEngine::Policy => "The run itself.".to_owned(),
        };
        let needs = rule.needs.iter().map(|need| format!(" Without {need} it is not evaluated."));
        std::iter::once(looks_at).chain(needs).collect()
    }
}

#[derive(Clone, Copy)]
enum Heading {
    Bold,
    None,
}

fn section(text: &mut String, heading: Heading, title: &str, content: &str) {
    if content.is_empty() {
        return;
    }
    let title = match heading {
        Heading::Bold => format!("**{title}**"),
        Heading::None => format!("# {title}"),
    };
    // Writing to a text does not fail.
    let _ = write!(text, "\n{title}\n\n{content}\n");
}

fn parameters(rule: &Rule) -> String {
    let lines = rule
        .parameters
        .iter()
        .map(|(name, parameter)| format!("- `{name}`: {}. Default: `{}`", parameter.description, parameter.default));
    lines.collect::<Vec<_>>().join("\n")
}

/// A fixture as a code block, without the marks that tests read.
fn fenced(yaml: &str) -> String {
    if yaml.is_empty() {
        return String::new();
    }
    let lines = yaml.lines().map(|line| line.strip_suffix(" # expect").unwrap_or(line));
    format!("```yaml\n{}\n```", lines.collect::<Vec<_>>().join("\n"))
}

/// A piece of the Markdown that rules are written in.
enum Block<'a> {
    Heading(&'a str),
    Paragraph(String),
    Item(String),
    Verbatim(Vec<&'a str>),
    Blank,
}

fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            blocks.push(Block::Verbatim(lines.by_ref().take_while(|line| !line.starts_with("```")).collect()));
        } else if let Some(heading) = line.strip_prefix("# ") {
            blocks.push(Block::Heading(heading));
        } else if let Some(item) = line.strip_prefix("- ") {
            blocks.push(Block::Item(item.to_owned()));
        } else if line.trim().is_empty() {
            blocks.push(Block::Blank);
        } else if let Some(Block::Paragraph(text) | Block::Item(text)) = blocks.last_mut() {
            text.push(' ');
            text.push_str(line.trim());
        } else {
            blocks.push(Block::Paragraph(line.to_owned()));
        }
    }
    blocks
}

fn filled(text: &str, width: usize, first: &str, next: &str) -> String {
    let options = textwrap::Options::new(width.max(20)).initial_indent(first).subsequent_indent(next);
    // A path or an address is not to be torn.
    let options = options.word_separator(textwrap::WordSeparator::AsciiSpace);
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation).break_words(false);
    textwrap::fill(text, options)
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// `docs/rules.md`.
#[must_use]
pub fn documentation_page(set: &PolicySet) -> String {
    let mut page = String::from(
        "# Rules\n\nGenerated by `quorate policy docs` from the rules themselves. A rule is named by the bad pattern that it finds.\n\n\
         | rule | pack | severity | what it finds |\n| --- | --- | --- | --- |\n",
    );
    for row in table(set) {
        push(&mut page, &format!("| [{0}](#{0}) | {1} | {2} | {3} |", row.id, row.pack, row.severity, row.title));
    }
    for rule in set.rules() {
        let explanation = Explanation { rule }.to_markdown();
        let (id, title, pack, severity) = (&rule.id, &rule.title, &rule.pack, rule.severity.as_str());
        let _ = write!(page, "\n## {id}\n\n*{title}* ({pack}, {severity})\n\n{}\n", explanation.trim_end());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_explained_within_the_width() {
        let set = PolicySet::builtin().unwrap();
        for rule in set.rules() {
            let text = explain(&set, &rule.id).unwrap().for_terminal(100);
            for part in [&*rule.id, rule.title.as_str(), "Why", "Mend", "Read more"] {
                assert!(text.contains(part), "{}: no {part}", rule.id);
            }
            assert!(!text.contains("# expect") && !text.contains("```"), "{text}");
            let prose = text.lines().filter(|line| !line.starts_with("    "));
            for line in prose.filter(|line| !line.contains("http")) {
                assert!(line.chars().count() <= 100, "{}: {line}", rule.id);
            }
        }
    }

    #[test]
    fn a_misspelt_rule_has_a_nearest_one() {
        let set = PolicySet::builtin().unwrap();
        assert_eq!(explain(&set, "rolout-deadlock").unwrap_err().as_deref(), Some("rollout-deadlock"));
        assert_eq!(explain(&set, "zzz").unwrap_err(), None);
        assert_eq!(&*explain(&set, "security/runs-as-root").unwrap().rule.id, "runs-as-root");
    }

    #[test]
    fn an_explanation_reads_well() {
        let set = PolicySet::builtin().unwrap();
        insta::assert_snapshot!(explain(&set, "automatic-sync").unwrap().for_terminal(100));
        insta::assert_snapshot!(explain(&set, "rollout-deadlock").unwrap().for_terminal(100));
    }

    /// Write it anew with `QUORATE_UPDATE_DOCS=1 cargo test rules_md`.
    #[test]
    fn rules_md_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
        let page = documentation_page(&PolicySet::builtin().unwrap());
        if std::env::var_os("QUORATE_UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "docs/rules.md is not current: run `quorate policy docs > docs/rules.md`");
    }
}
