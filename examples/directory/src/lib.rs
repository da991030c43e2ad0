//! A small seeded generator of a company directory in the shape of Microsoft Graph delta pages.
//!
//! [`generate`] invents people, groups and assignments, and what happens to them on the next day; the same options give the same bytes.
//! [`Directory::write_to`] writes the pages as files, which `scimkit_connectors::graph::RecordedPages` answers as Microsoft Graph would.
//!
//! ```
//! use scimkit_example_directory::{Options, generate};
//!
//! let directory = generate(&Options { people: 20, groups: 3, ..Options::default() });
//! let folder = tempfile::tempdir()?;
//! directory.write_to(folder.path())?;
//! assert!(folder.path().join("initial/users-0001.json").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nobody who is listed exists; addresses are in `example.com` and `example.org`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::company::{Company, Role};
use crate::next_day::NextDay;
use crate::random::Random;

mod company;
mod countries;
mod next_day;
mod pages;
mod random;

pub use pages::File;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]

pub struct Options {
    /// Where the pseudo-random numbers start. Default 20261123.
    pub seed: u64,
    /// How many people there are on the first day, at least 20. Default 500.
    pub people: usize,
    /// How many groups there are, at least 3. Default 20.
    pub groups: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 20_261_123, people: 500, groups: 20 }
    }
}

/// A directory as files: the folder `initial` for the first day, `next-day` for what changed after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    files: Vec<File>,
    service_principal_id: String,
}

/// Invents a directory.
pub fn generate(options: &Options) -> Directory {
    let mut random = Random::new(options.seed);
    let mut company = Company::new(options, &mut random);
    let joiners = next_day::joiners(&mut company, &mut random);
    let mut files = Vec::new();

    let mut users = Vec::new();
    let mut late: Vec<Value> = Vec::new();
    for (index, person) in company.people.iter().enumerate() {
        let mut object = pages::user(person, index % 2 == 0);
        if person.role == Role::Repeated {
            // Told twice: the second one has only the title, which is the one that holds.
            object.insert("jobTitle".to_owned(), json!("Intern"));
            late.push(json!({"id": person.id, "jobTitle": person.job_title}));
        }
        users.push(Value::Object(object));
    }
    users.append(&mut late);
    files.extend(pages::user_pages("initial", &users, (options.people / 5).clamp(5, 100), &mut random));
    files.extend(pages::group_pages("initial", company.groups.iter().map(pages::group).collect(), &mut random));
    files.extend(pages::assignments("initial", &company, &mut random));

    let day = NextDay::new(&mut company, joiners, &mut random);
    files.extend(pages::user_pages("next-day", &day.users, 9, &mut random));
    files.extend(pages::group_pages("next-day", day.groups, &mut random));
    files.extend(pages::assignments("next-day", &company, &mut random));
    Directory { files, service_principal_id: company.service_principal_id }
}

impl Directory {
    /// The files, by folder.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The id of the service principal to which people and groups are assigned.
    pub fn service_principal_id(&self) -> &str {
        &self.service_principal_id
    }

    /// Writes the files below a folder, which is made if it does not exist.
    ///
    /// # Errors
    /// [`WriteError`]; files that were written before stay.
    pub fn write_to(&self, folder: impl AsRef<Path>) -> Result<(), WriteError> {
        for file in &self.files {
            let path = folder.as_ref().join(&file.path);
            let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &file.text));
            written.map_err(|source| WriteError { path, source })?;
        }
        Ok(())
    }
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
#[non_exhaustive]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub source: std::io::Error,
}

#[cfg(test)]
mod tests;
