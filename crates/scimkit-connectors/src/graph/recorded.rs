//! Microsoft Graph answered from files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use scimkit_client::{Transport, TransportError, TransportErrorKind};
use serde::Deserialize;

use super::request::PageName;

/// The bytes of the largest file that is read.
const MOST_BYTES: u64 = 16 << 20;
/// The most pages of a folder.
const MOST_PAGES: usize = 1_000_000;

/// A transport that answers as Microsoft Graph would, from pages in files.
///
/// ```text
/// PATH/initial/users-0001.json …       pages of users/delta, in the order of their names
/// PATH/initial/groups-0001.json …      pages of groups/delta
/// PATH/initial/assignments.json        the first page of servicePrincipals/{id}/appRoleAssignedTo
/// PATH/initial/assignments-0002.json … further pages of it, if it has any
/// PATH/initial/service-principal.json  the body of servicePrincipals/{id}
/// PATH/next-day/…                      the same for the next round; further rounds in the order of their names
/// ```
///
/// A start of users or groups is answered by the first page of `initial`; a `@odata.nextLink` by the page after the one it stands in; a
/// `@odata.deltaLink` by the first page of the next round that is released, and without one by an empty page with the same link.
/// Links are compared, never read; filters are refused. Assignments and roles are those of the latest round that is released.
///
/// Clones share the rounds that are released. Files are opened when they are asked for; an answer carries the file's name as a
/// [`PageName`]. A file is at most 16 MiB.
#[derive(Clone, Debug)]
pub struct RecordedPages {
    recording: Arc<Recording>,
}

#[derive(Debug)]
struct Recording {
    folder: PathBuf,
    rounds: Vec<String>,
    /// The first page of users and of groups.
    starts: [String; 2],
    answers: HashMap<String, Answer>,
    released: AtomicUsize,
}

/// What answers a link.
#[derive(Debug)]
enum Answer {
    /// A file.
    File(String),
    /// The first file of a later round, as soon as it is released: the rounds' indices and files in order.
    Rounds { link: String, later: Vec<(usize, String)> },
}

const KINDS: [&str; 2] = ["users", "groups"];

/// The first page of the assignments.
const ASSIGNMENTS: &str = "assignments.json";

/// The links of a page; all else is read when the page is asked for.
#[derive(Deserialize)]
struct Links {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl RecordedPages {
    /// Opens a recording of which so many rounds are released: at least one, at most all.
    ///
    /// # Errors
    /// [`RecordedPagesError`] if a folder or page is missing, cannot be read, is not JSON, or has a link that no file answers.
    pub fn open(folder: impl Into<PathBuf>, rounds_released: usize) -> Result<Self, RecordedPagesError> {
        let folder = folder.into();
        let rounds = rounds(&folder)?;
        let mut answers = HashMap::new();
        let [users, groups] = KINDS.map(|kind| kind_of_pages(&folder, &rounds, kind, &mut answers));
        let starts = [users?, groups?];
        for round in &rounds {
            pages_of_assignments(&folder, round, &mut answers)?;
        }
        let released = AtomicUsize::new(rounds_released.clamp(1, rounds.len()));
        Ok(Self { recording: Arc::new(Recording { folder, rounds, starts, answers, released }) })
    }

    /// Releases the next round and says whether there was one.
    pub fn release_next_round(&self) -> bool {
        let recording = &self.recording;
        let next = |released: usize| (released < recording.rounds.len()).then_some(released + 1);
        recording.released.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }

    /// How many rounds are released.
    pub fn rounds_released(&self) -> usize {
        self.recording.released.load(Ordering::SeqCst)
    }

    /// The names of the rounds, in order.
    pub fn rounds(&self) -> &[String] {
        &self.recording.rounds
    }

    fn answer(&self, uri: &Uri) -> Result<Response<Bytes>, RecordedPagesError> {
        let recording = &self.recording;
        let released = self.rounds_released();
        if let Some(answer) = recording.answers.get(&uri.to_string()) {
            return match answer {
                Answer::File(name) => self.file(name),
                Answer::Rounds { link, later } => match later.iter().find(|(round, _)| *round < released) {
                    Some((_, name)) => self.file(name),
                    None => Ok(json(StatusCode::OK, serde_json::json!({"value": [], "@odata.deltaLink": link}).to_string())),
                },
            };
        }
        let path = uri.path();
        for (kind, start) in KINDS.iter().zip(&recording.starts) {
            if path.ends_with(&format!("/{kind}/delta")) {
                if uri.query().is_some_and(|query| query.contains("$filter=")) {
                    // Which pages tell of one object is not known.
                    return Ok(refusal(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery"));
                }
                // A link of a later page or round is none that any file has.
                let is_start = uri.query().is_none_or(|query| query.starts_with("$select=") && !query.contains("token="));
                return if is_start { self.file(start) } else { Ok(refusal(StatusCode::GONE, "syncStateNotFound")) };
            }
        }
        let name = match path.rsplit('/').next() {
            Some("appRoleAssignedTo") if uri.query().is_none() => ASSIGNMENTS,
            _ if path.contains("/servicePrincipals/") && !path.ends_with("/appRoleAssignedTo") => "service-principal.json",
            _ => return Ok(refusal(StatusCode::NOT_FOUND, "Request_ResourceNotFound")),
        };
        let latest = recording.rounds.iter().take(released).rev().map(|round| format!("{round}/{name}"));
        let present = latest.into_iter().find(|name| recording.folder.join(name).exists());
        self.file(&present.unwrap_or_else(|| format!("{}/{name}", recording.rounds.first().map_or("", String::as_str))))
    }

    fn file(&self, name: &str) -> Result<Response<Bytes>, RecordedPagesError> {
        let mut response = json(StatusCode::OK, read(&self.recording.folder, name)?);
        response.extensions_mut().insert(PageName::new(name));
        Ok(response)
    }
}

#[async_trait]
impl Transport for RecordedPages {
    /// A file that cannot be read is [`TransportErrorKind::Connect`] with a [`RecordedPagesError`] as cause.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() != Method::GET {
            return Ok(refusal(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest"));
        }
        self.answer(request.uri()).map_err(|error| TransportError::with_source(TransportErrorKind::Connect, error))
    }
}

/// The folders of rounds: `initial`, then others by name.
fn rounds(folder: &Path) -> Result<Vec<String>, RecordedPagesError> {
    let mut rounds: Vec<String> = names(folder, "", |path| path.is_dir())?.into_iter().filter(|name| !name.starts_with('.')).collect();
    rounds.sort_by_key(|name| (name != "initial", name.clone()));
    if rounds.first().is_some_and(|name| name == "initial") {
        return Ok(rounds);
    }
    Err(RecordedPagesError::new(folder.join("initial"), "expected a folder of the first round's pages, found none"))
}

fn names(folder: &Path, name: &str, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<String>, RecordedPagesError> {
    let path = if name.is_empty() { folder.to_owned() } else { folder.join(name) };
    let failed = |error: io::Error| RecordedPagesError::new(&path, "cannot be read").with_source(error);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_wanted(&entry.path())
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
        if names.len() > MOST_PAGES {
            return Err(RecordedPagesError::new(&path, &format!("expected at most {MOST_PAGES} entries")));
        }
    }
    names.sort();
    Ok(names)
}

/// Notes what answers the links of one kind's pages, and gives the first page.
fn kind_of_pages(
    folder: &Path,
    rounds: &[String],
    kind: &str,
    answers: &mut HashMap<String, Answer>,
) -> Result<String, RecordedPagesError> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    for round in rounds {
        let is_page = |name: &String| name.starts_with(&format!("{kind}-")) && name.ends_with(".json");
        let found = names(folder, round, Path::is_file)?.into_iter().filter(is_page);
        pages.push(found.map(|name| format!("{round}/{name}")).collect());
    }
    let firsts: Vec<(usize, String)> =
        pages.iter().enumerate().filter_map(|(round, pages)| Some((round, pages.first()?.clone()))).collect();
    let Some((0, start)) = firsts.first() else {
        let path = folder.join("initial").join(format!("{kind}-0001.json"));
        return Err(RecordedPagesError::new(path, &format!("expected the first page of {kind}, found none")));
    };
    for (round, pages) in pages.iter().enumerate() {
        for (index, name) in pages.iter().enumerate() {
            let path = folder.join(name);
            let (link, answer) = match (links(folder, name)?, pages.get(index + 1)) {
                (Links { next: Some(link), delta: None }, Some(next)) => (link, Answer::File(next.clone())),
                (Links { next: None, delta: Some(link) }, None) => {
                    let later = firsts.iter().filter(|(later, _)| *later > round).cloned().collect();
                    (link.clone(), Answer::Rounds { link, later })
                }
                (Links { next: Some(_), delta: Some(_) }, _) => {
                    return Err(RecordedPagesError::new(path, "expected one of `@odata.nextLink` and `@odata.deltaLink`, found both"));
                }
                (Links { next: None, delta: None }, _) => {
                    return Err(RecordedPagesError::new(path, "expected one of `@odata.nextLink` and `@odata.deltaLink`, found none"));
                }
                (Links { next: Some(_), .. }, None) => {
                    return Err(RecordedPagesError::new(path, "`@odata.nextLink` promises another page, but there is no further file"));
                }
                (Links { delta: Some(_), .. }, Some(next)) => {
                    let message = format!("`@odata.deltaLink` ends the round, but `{next}` follows");
                    return Err(RecordedPagesError::new(path, &message));
                }
            };
            note_answer(answers, &path, &link, answer)?;
        }
    }
    Ok(start.clone())
}

/// Notes what answers the links of a round's pages of assignments. Whether there is any is found out when they are asked for.
fn pages_of_assignments(folder: &Path, round: &str, answers: &mut HashMap<String, Answer>) -> Result<(), RecordedPagesError> {
    let is_page = |name: &String| name.starts_with("assignments-") && name.ends_with(".json");
    let mut pages = names(folder, round, |path| path.is_file() && path.file_name().is_some_and(|name| name == ASSIGNMENTS))?;
    pages.extend(names(folder, round, Path::is_file)?.into_iter().filter(is_page));
    let pages: Vec<String> = pages.into_iter().map(|name| format!("{round}/{name}")).collect();
    for (index, name) in pages.iter().enumerate() {
        let path = folder.join(name);
        match (links(folder, name)?.next, pages.get(index + 1)) {
            (Some(link), Some(next)) => note_answer(answers, &path, &link, Answer::File(next.clone()))?,
            (None, None) => {}
            (Some(_), None) => {
                return Err(RecordedPagesError::new(path, "`@odata.nextLink` promises another page, but there is no further file"));
            }
            (None, Some(next)) => {
                let message = format!("expected `@odata.nextLink`, found none, but `{next}` follows");
                return Err(RecordedPagesError::new(path, &message));
            }
        }
    }
    Ok(())
}

/// Notes what answers the link of a page, which no other page may have.
fn note_answer(answers: &mut HashMap<String, Answer>, path: &Path, link: &str, answer: Answer) -> Result<(), RecordedPagesError> {
    let uri: Uri = link
        .parse()
        .map_err(|error: http::uri::InvalidUri| RecordedPagesError::new(path, "expected a link that is an address").with_source(error))?;
    match answers.entry(uri.to_string()) {
        Entry::Vacant(entry) => {
            entry.insert(answer);
            Ok(())
        }
        Entry::Occupied(_) => Err(RecordedPagesError::new(path, "expected a link of its own, found that of another page")),
    }
}

fn links(folder: &Path, name: &str) -> Result<Links, RecordedPagesError> {
    let text = read(folder, name)?;
    serde_json::from_slice(&text).map_err(|error| {
        let message = format!("expected a page as JSON, found a mistake at line {}, column {}", error.line(), error.column());
        RecordedPagesError::new(folder.join(name), &message)
    })
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, RecordedPagesError> {
    let path = folder.join(name);
    let mut text = Vec::new();
    let read = fs::File::open(&path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text));
    match read {
        Err(error) => Err(RecordedPagesError::new(path, "cannot be read").with_source(error)),
        Ok(count) if u64::try_from(count).is_ok_and(|count| count <= MOST_BYTES) => Ok(text),
        Ok(_) => Err(RecordedPagesError::new(path, &format!("expected at most {MOST_BYTES} bytes, found more"))),
    }
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn refusal(status: StatusCode, code: &str) -> Response<Bytes> {
    json(status, serde_json::json!({"error": {"code": code, "message": "no recorded page answers this address"}}).to_string())
}

/// A recording that is not as it should be.
#[derive(Debug)]
#[non_exhaustive]
pub struct RecordedPagesError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was expected of it.
    pub message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl RecordedPagesError {
    fn new(path: impl Into<PathBuf>, message: &str) -> Self {
        Self { path: path.into(), message: message.to_owned(), source: None }
    }

    fn with_source(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl fmt::Display for RecordedPagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.display(), self.message)
    }
}

impl std::error::Error for RecordedPagesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
