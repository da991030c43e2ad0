//! Between SCIM and the product's user table.

use std::sync::Arc;

use async_trait::async_trait;
use scimkit_patch::Context as PatchContext;
use scimkit_server::{
    Changed, Context, Found, HandlerError, Hook, PasswordHashes, Preconditions, Proposal, Readiness, ResourceHandler, Result, Search,
};
use scimkit_store::Tenant;
use scimkit_types::validate::Operation;
use scimkit_types::{ComplexValue, ErrorResponse, Meta, PatchOp, Projection, Resource, ScimType, Timestamp, Value, Version, schema};

use crate::accounts::{Account, Accounts, WriteError};

/// What a SCIM server does with accounts of the product.
#[derive(Clone, Debug)]
pub struct Provisioning {
    accounts: Arc<Accounts>,
}

impl Provisioning {
    /// Works on these accounts.
    pub const fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts }
    }

    /// Checks the version, changes the account and writes it, all in one step. An account that stays as it is keeps its version.
    fn change(
        &self,
        context: &Context<'_>,
        id: &str,
        expected: &Preconditions,
        change: impl FnOnce(&Resource) -> Result<Resource>,
    ) -> Result<Resource> {
        let changed = self.accounts.change(number(id)?, |account| {
            expected.check(&version(account))?;
            let mut changed = account.clone();
            take_over(&mut changed, &change(&resource(account))?);
            if changed != *account {
                changed.revision += 1;
                changed.modified_at = context.now.as_second();
            }
            Ok::<_, HandlerError>(changed)
        })?;
        Ok(resource(&changed))
    }
}

#[async_trait]
impl ResourceHandler for Provisioning {
    async fn create(&self, context: &Context<'_>, body: Resource, _: &Projection) -> Result<Resource> {
        let accepted = context.accept(&body, Operation::Create)?;
        let now = context.now.as_second();
        let mut account = Account { is_active: true, created_at: now, modified_at: now, ..Account::default() };
        take_over(&mut account, &accepted);
        // Whoever a directory does not call inactive is active.
        account.is_active = accepted.get("active").and_then(Value::as_bool).unwrap_or(true);
        Ok(resource(&self.accounts.insert(account)?))
    }

    async fn get(&self, _: &Context<'_>, id: &str, _: &Projection) -> Result<Resource> {
        let account = self.accounts.find(number(id)?).ok_or(HandlerError::NotFound)?;
        Ok(resource(&account))
    }

    async fn replace(&self, context: &Context<'_>, id: &str, body: Resource, expected: &Preconditions, _: &Projection) -> Result<Resource> {
        self.change(context, id, expected, |current| context.accept(&body, Operation::Replace { current }))
    }

    async fn patch(&self, context: &Context<'_>, id: &str, patch: PatchOp, expected: &Preconditions, _: &Projection) -> Result<Resource> {
        self.change(context, id, expected, |current| {
            let scope = PatchContext::new(context.catalog, context.resource_type).with_dialect(context.dialect);
            let applied = scimkit_patch::apply(current, &patch, &scope);
            let applied = applied.map_err(|error| HandlerError::of(error.scim_type(), error.to_string()))?;
            context.count(applied.tolerances);
            context.accept(&applied.resource, Operation::Patch { current })
        })
    }

    async fn delete(&self, _: &Context<'_>, id: &str, expected: &Preconditions) -> Result<()> {
        self.accounts.remove(number(id)?, |account| expected.check(&version(account)))
    }

    async fn query(&self, _: &Context<'_>, search: &Search) -> Result<Found> {
        let all = self.accounts.all();
        let matching = |account: &Resource| search.filter.as_ref().is_none_or(|filter| filter.matches(account));
        let found: Vec<Resource> = all.iter().map(resource).filter(matching).collect();
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let page = found.into_iter().skip(size(search.start_index.saturating_sub(1))).take(size(search.count));
        Ok(Found::new(total, page.collect()))
    }
}

#[async_trait]
impl Readiness for Provisioning {
    async fn check(&self) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.accounts.find(0);
        Ok(())
    }
}

/// Hashes of passwords stand in the accounts, where the product's sign-in looks for them.
#[async_trait]
impl PasswordHashes for Provisioning {
    async fn put(&self, _: &Tenant, _: &str, id: &str, hash: &str) -> Result<()> {
        let hash = Some(hash.to_owned());
        self.accounts.change(number(id)?, |account| Ok::<_, HandlerError>(Account { password_hash: hash, ..account.clone() }))?;
        Ok(())
    }

    async fn find(&self, _: &Tenant, _: &str, id: &str) -> Result<Option<String>> {
        Ok(number(id).ok().and_then(|number| self.accounts.find(number)).and_then(|account| account.password_hash))
    }

    async fn remove(&self, _: &Tenant, _: &str, id: &str) -> Result<()> {
        let removed =
            self.accounts.change(number(id)?, |account| Ok::<_, HandlerError>(Account { password_hash: None, ..account.clone() }));
        match removed {
            Ok(_) | Err(HandlerError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A directory must not lock everybody out of the wiki.
#[async_trait]
impl Hook for Provisioning {
    async fn before(&self, _: &Context<'_>, proposal: &Proposal<'_>) -> Result<()> {
        let Proposal::Delete { id } = proposal else { return Ok(()) };
        let others = |account: &Account| account.is_administrator && account.number.to_string() != **id;
        let is_administrator =
            number(id).ok().and_then(|number| self.accounts.find(number)).is_some_and(|account| account.is_administrator);
        if is_administrator && !self.accounts.all().iter().any(others) {
            return Err(ErrorResponse::new(409, "the last administrator of the wiki cannot be deleted").into());
        }
        Ok(())
    }

    async fn after(&self, _: &Context<'_>, _: &Changed<'_>) {}
}

impl From<WriteError> for HandlerError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::LoginInUse => Self::of(ScimType::Uniqueness, "the value of `userName` is in use by another account"),
            WriteError::Missing => Self::NotFound,
        }
    }
}

/// Ids are the numbers of accounts, written as the wiki writes them.
fn number(id: &str) -> Result<u64> {
    id.parse().ok().filter(|number: &u64| number.to_string() == id).ok_or(HandlerError::NotFound)
}

fn version(account: &Account) -> Version {
    Version::new(&account.revision.to_string())
}

/// An account as SCIM shows it.
fn resource(account: &Account) -> Resource {
    let mut resource = Resource::new([schema::USER]);
    resource.insert("id", account.number.to_string());
    resource.insert("userName", account.login.as_str());
    resource.insert("active", account.is_active);
    if let Some(directory_id) = &account.directory_id {
        resource.insert("externalId", directory_id.as_str());
    }
    if let Some(display_name) = &account.display_name {
        resource.insert("displayName", display_name.as_str());
    }
    if let Some(email) = &account.email {
        let mut element = ComplexValue::new();
        element.insert("value", email.as_str());
        element.insert("type", "work");
        element.insert("primary", true);
        resource.insert("emails", vec![Value::Complex(element)]);
    }
    let mut meta = Meta::default();
    meta.created = Timestamp::from_second(account.created_at).ok();
    meta.last_modified = Timestamp::from_second(account.modified_at).ok();
    meta.version = Some(version(account));
    resource.set_meta(&meta);
    resource
}

/// Takes over what a resource says; the wiki has one address of each account, the preferred one.
fn take_over(account: &mut Account, resource: &Resource) {
    let text = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    account.login = text("userName").unwrap_or_default();
    account.display_name = text("displayName");
    account.directory_id = text("externalId");
    account.is_active = resource.get("active").and_then(Value::as_bool).unwrap_or(account.is_active);
    let emails: Vec<&ComplexValue> =
        resource.get("emails").map(Value::elements).unwrap_or_default().iter().filter_map(Value::as_complex).collect();
    let preferred = emails.iter().find(|email| email.get("primary").and_then(Value::as_bool) == Some(true)).or_else(|| emails.first());
    account.email = preferred.and_then(|email| email.get("value")).and_then(Value::as_str).map(str::to_owned);
}
