//! The source.

use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use scimkit_client::Transport;
use scimkit_provisioning::{AppRole, AssignmentPage, Position, Source, SourceChange, SourceError, SourceErrorKind, SourcePage};
use serde::{Deserialize, Serialize};

use super::options::GraphOptions;
use super::page;
use super::request;

/// A directory that is read by Microsoft Graph's delta queries.
///
/// It tells users and then groups. A position is the link that the page before gave, used exactly as it came, with the number of pages and
/// objects read so far in the round; so is a position in the assignments, which come in Graph's own pages. Links to another host than the
/// base are refused.
#[derive(Clone, Debug)]
pub struct GraphSource {
    transport: Arc<dyn Transport>,
    options: GraphOptions,
    base: Uri,
}

/// What a [`Position`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    link: String,
    #[serde(default)]
    pages: u64,
    #[serde(default)]
    objects: u64,
}

impl Place {
    /// The first page.
    const fn new(link: String) -> Self {
        Self { link, pages: 0, objects: 0 }
    }

    /// The place that a position stands for, or the first one.
    fn at(position: Option<&Position>, first: Self) -> Result<Self, SourceError> {
        let Some(position) = position else { return Ok(first) };
        serde_json::from_str(position.as_str())
            .map_err(|error| invalid("expected a position that this source gave".to_owned()).with_source(error))
    }

    /// The next page after one of so many objects.
    fn followed_by(&self, link: String, objects: usize) -> Self {
        let objects = self.objects.saturating_add(u64::try_from(objects).unwrap_or(u64::MAX));
        Self { link, pages: self.pages.saturating_add(1), objects }
    }
}

impl GraphSource {
    /// A directory behind a transport, which authorizes the requests and repeats them where that is wanted.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if the base is not an absolute address, or a property or the service principal's id is not a name.
    pub fn new(transport: Arc<dyn Transport>, options: GraphOptions) -> Result<Self, SourceError> {
        let base: Uri = options.base.parse().map_err(|error: http::uri::InvalidUri| {
            invalid(format!("expected an address such as `https://graph.microsoft.com/v1.0`, found `{}`", options.base)).with_source(error)
        })?;
        if base.scheme().is_none() || base.authority().is_none() || base.query().is_some() {
            return Err(invalid(format!("expected an address such as `https://graph.microsoft.com/v1.0`, found `{}`", options.base)));
        }
        if !is_name(&options.service_principal_id) {
            return Err(invalid(format!("expected the id of a service principal, found `{}`", options.service_principal_id)));
        }
        for property in options.user_properties.iter().chain(&options.group_properties) {
            if !is_name(property) {
                return Err(invalid(format!("expected the name of a property, found `{property}`")));
            }
        }
        Ok(Self { transport, options, base })
    }

    fn start(&self, object_type: &str) -> Result<Place, SourceError> {
        let (endpoint, properties) = match object_type {
            "User" => ("users", &self.options.user_properties),
            "Group" => ("groups", &self.options.group_properties),
            other => return Err(invalid(format!("expected the object type `User` or `Group`, found `{other}`"))),
        };
        let link = format!("{}/{endpoint}/delta?$select={}", self.root(), properties.join(","));
        Ok(Place::new(link))
    }

    fn service_principal(&self) -> String {
        format!("{}/servicePrincipals/{}", self.root(), self.options.service_principal_id)
    }

    fn root(&self) -> &str {
        self.options.base.trim_end_matches('/')
    }

    /// The page of changes at a place.
    async fn changes(&self, place: &Place) -> Result<(request::Answer, page::Page<SourceChange>), SourceError> {
        self.page(place, "round has", page::changes).await
    }

    /// The page at a place, within the limits of a round.
    async fn page<T>(
        &self,
        place: &Place,
        what: &str,
        read: impl Fn(&[u8], usize) -> Result<page::Page<T>, String> + Send,
    ) -> Result<(request::Answer, page::Page<T>), SourceError> {
        let limits = self.options.limits;
        if place.pages >= limits.pages_per_round {
            return Err(invalid(format!("the {what} more than {} pages, which is the limit", limits.pages_per_round)));
        }
        let answer = self.get(&place.link).await?;
        let left = usize::try_from(limits.objects_per_round.saturating_sub(place.objects)).unwrap_or(usize::MAX);
        let page = read(&answer.body, left).map_err(|message| answer.invalid(&message))?;
        Ok((answer, page))
    }

    /// The position of a place that an answer led to.
    fn position(&self, answer: &request::Answer, place: &Place) -> Result<Position, SourceError> {
        request::address(&self.base, &place.link).map_err(|error| answer.invalid(&error.message))?;
        let text = serde_json::to_string(place).map_err(|error| invalid("cannot write a position".to_owned()).with_source(error))?;
        Ok(Position::new(text))
    }

    async fn get(&self, link: &str) -> Result<request::Answer, SourceError> {
        request::get(self.transport.as_ref(), &self.base, link, self.options.limits.page_bytes).await
    }
}

#[async_trait]
impl Source for GraphSource {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned(), "Group".to_owned()]
    }

    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        let place = Place::at(position, self.start(object_type)?)?;
        let (answer, page) = self.changes(&place).await?;
        let (next, is_last) = match (page.next_link, page.delta_link) {
            (Some(link), None) => (place.followed_by(link, page.values.len()), false),
            (None, Some(link)) => (Place::new(link), true),
            (Some(_), Some(_)) => return Err(answer.invalid("expected one of `@odata.nextLink` and `@odata.deltaLink`, found both")),
            (None, None) => return Err(answer.invalid("expected one of `@odata.nextLink` and `@odata.deltaLink`, found none")),
        };
        Ok(SourcePage::new(page.values, self.position(&answer, &next)?, is_last))
    }

    /// A first round that is filtered by the id, whose last link nobody follows.
    async fn read_one(&self, object_type: &str, id: &str) -> Result<Option<Vec<SourceChange>>, SourceError> {
        if !is_name(id) {
            return Err(invalid(format!("expected the id of an object, found `{}`", id.escape_default())));
        }
        let mut place = self.start(object_type)?;
        place.link.extend(["&$filter=id%20eq%20'", id, "'"]);
        let mut changes = Vec::new();
        loop {
            let (answer, page) = self.changes(&place).await?;
            place.objects = place.objects.saturating_add(u64::try_from(page.values.len()).unwrap_or(u64::MAX));
            changes.extend(page.values.into_iter().filter(|change| change.id == id));
            let Some(next) = page.next_link else { return Ok(Some(changes)) };
            request::address(&self.base, &next).map_err(|error| answer.invalid(&error.message))?;
            (place.link, place.pages) = (next, place.pages + 1);
        }
    }

    async fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        let place = Place::at(after, Place::new(format!("{}/appRoleAssignedTo", self.service_principal())))?;
        let (answer, page) = self.page(&place, "assignments have", page::assignments).await?;
        let next = page.next_link.map(|link| self.position(&answer, &place.followed_by(link, page.values.len()))).transpose()?;
        Ok(AssignmentPage::new(page.values.into_iter().flatten().collect(), next))
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        let answer = self.get(&format!("{}?$select=id,appRoles", self.service_principal())).await?;
        page::app_roles(&answer.body).map_err(|message| answer.invalid(&message))
    }
}

/// Whether it is a name that may stand in an address as it is.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn invalid(message: String) -> SourceError {
    SourceError::new(SourceErrorKind::Invalid, message)
}
