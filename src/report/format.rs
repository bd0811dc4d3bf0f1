//! The formats of reports and how they are asked for: `-o FORMAT[=FILE]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people.
    Human,
    /// For programs; `fixtures/schemas/` holds the schemas.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions: annotations on a pull request.
    Github,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Human, Self::Json, Self::Sarif, Self::Github];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(format) = Self::ALL.into_iter().find(|format| format.as_str() == text) {
            return Ok(format);
        }
        let nearest = Self::ALL
            .into_iter()
            .map(|format| (strsim::jaro_winkler(&text.to_lowercase(), format.as_str()), format))
            .filter(|(similarity, _)| *similarity > 0.7)
            .max_by(|left, right| left.0.total_cmp(&right.0))
            .map(|(_, format)| format);
        Err(FormatError::Unknown { given: text.to_owned(), nearest })
    }
}

/// One `-o FORMAT[=FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// The file to write; `None` is the standard output.
    pub file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((format, file)) = text.split_once('=') else {
            return Ok(Self { format: text.parse()?, file: None });
        };
        let format: Format = format.parse()?;
        if file.is_empty() {
            return Err(FormatError::NoFile { format });
        }
        let file = (file != "-").then(|| PathBuf::from(file));
        Ok(Self { format, file })
    }
}

/// Why an `-o` could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no such format.
    #[error(
        "there is no output format `{given}`{}; choose one of human, json, sarif, github, and add `=FILE` to write it \
         to a file",
        nearest_hint(*.nearest)
    )]
    Unknown {
        /// What was given.
        given: String,
        /// What may have been meant.
        nearest: Option<Format>,
    },
    /// `json=`.
    #[error(
        "`{format}=` names no file; write `{format}=report.{}`, or `{format}` alone for standard output",
        extension(*.format)
    )]
    NoFile {
        /// The format.
        format: Format,
    },
}

fn nearest_hint(nearest: Option<Format>) -> String {
    nearest.map(|format| format!(" (`{format}`?)")).unwrap_or_default()
}

const fn extension(format: Format) -> &'static str {
    match format {
        Format::Human | Format::Github => "txt",
        Format::Json => "json",
        Format::Sarif => "sarif",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_with_and_without_a_file() {
        assert_eq!("json".parse(), Ok(Output { format: Format::Json, file: None }));
        assert_eq!("sarif=-".parse(), Ok(Output { format: Format::Sarif, file: None }));
        assert_eq!(
            "sarif=out/a=b.sarif".parse(),
            Ok(Output { format: Format::Sarif, file: Some(PathBuf::from("out/a=b.sarif")) })
        );
    }

    #[test]
    fn errors_teach() {
        let error = |text: &str| text.parse::<Output>().unwrap_err().to_string();
        assert_eq!(
            error("sarf=x"),
            "there is no output format `sarf` (`sarif`?); choose one of human, json, sarif, github, and add `=FILE` to write it to a file"
        );
        assert_eq!(
            error("yaml"),
            "there is no output format `yaml`; choose one of human, json, sarif, github, and add `=FILE` to write it to a file"
        );
        assert_eq!(
            error("json="),
            "`json=` names no file; write `json=report.json`, or `json` alone for standard output"
        );
    }
}
