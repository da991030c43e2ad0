//! The calls with typed views in the place of resources.

use std::fmt;
use std::marker::PhantomData;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use scimkit_types::views::ViewError;
use scimkit_types::{Group, PatchOp, Resource, SearchRequest, User, Version};

use crate::client::Client;
use crate::create_once::{Created, Matching};
use crate::error::ClientError;
use crate::pages::PageSize;
use crate::remove::Removed;
use crate::request::Selection;

/// A typed view of resources of one type, such as [`User`].
///
/// An application's own view implements this with what reads and writes its resources.
pub trait ResourceView: Sized + Send + Sync {
    /// Where service providers have such resources unless their resource types say otherwise.
    const ENDPOINT: &'static str;

    /// Reads the view.
    ///
    /// # Errors
    /// [`ViewError`] naming the first member that does not fit.
    fn from_resource(resource: &Resource) -> Result<Self, ViewError>;

    /// The resource that the view describes.
    fn to_resource(&self) -> Resource;
}

impl ResourceView for User {
    const ENDPOINT: &'static str = "/Users";

    fn from_resource(resource: &Resource) -> Result<Self, ViewError> {
        Self::from_resource(resource)
    }

    fn to_resource(&self) -> Resource {
        Self::to_resource(self)
    }
}

impl ResourceView for Group {
    const ENDPOINT: &'static str = "/Groups";

    fn from_resource(resource: &Resource) -> Result<Self, ViewError> {
        Self::from_resource(resource)
    }

    fn to_resource(&self) -> Resource {
        Self::to_resource(self)
    }
}

/// The resources of one type at a service provider, as typed views; made by [`Client::resources`].
pub struct Resources<'a, T> {
    client: &'a Client,
    endpoint: String,
    view: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Resources<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").field("client", self.client).field("endpoint", &self.endpoint).finish()
    }
}

impl Client {
    /// The resources of a type as typed views, at the endpoint where such resources usually are.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use scimkit_client::{Client, TransportError, transport_fn};
    /// use scimkit_types::User;
    ///
    /// # futures_util::FutureExt::now_or_never(async {
    /// # let peer = transport_fn(|_| async { Ok::<_, TransportError>(http::Response::new(br#"{"id": "7", "userName": "ola"}"#.as_slice().into())) });
    /// let client = Client::new(Arc::new(peer), "https://example.com/scim/v2".parse()?)?;
    /// let user = client.resources::<User>().create(&User::new("ola")).await?;
    /// assert_eq!((user.id.as_deref(), user.user_name.as_str()), (Some("7"), "ola"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resources<T: ResourceView>(&self) -> Resources<'_, T> {
        Resources { client: self, endpoint: T::ENDPOINT.to_owned(), view: PhantomData }
    }
}

impl<'a, T: ResourceView> Resources<'a, T> {
    /// The same at another endpoint, as the service provider's resource types tell it (R7644-3.2-04).
    #[must_use]
    pub fn at(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), ..self }
    }

    /// [`Client::create`].
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::InvalidBody`] too if what came does not fit the view.
    pub async fn create(&self, resource: &T) -> Result<T, ClientError> {
        view(&self.client.create(&self.endpoint, &resource.to_resource()).await?, 201)
    }

    /// [`Client::create_once`].
    ///
    /// # Errors
    /// [`ClientError`], as for [`create`](Self::create).
    pub async fn create_once(&self, resource: &T, matching: &Matching) -> Result<Created<T>, ClientError> {
        match self.client.create_once(&self.endpoint, &resource.to_resource(), matching).await? {
            Created::New(created) => view(&created, 201).map(Created::New),
            Created::Adopted(found) => view(&found, 200).map(Created::Adopted),
        }
    }

    /// [`Client::get`].
    ///
    /// # Errors
    /// [`ClientError`], as for [`create`](Self::create).
    pub async fn get(&self, id: &str, selection: &Selection) -> Result<T, ClientError> {
        view(&self.client.get(&self.endpoint, id, selection).await?, 200)
    }

    /// [`Client::replace`].
    ///
    /// # Errors
    /// [`ClientError`], as for [`create`](Self::create).
    pub async fn replace(&self, id: &str, resource: &T, precondition: Option<&Version>) -> Result<Option<T>, ClientError> {
        let replaced = self.client.replace(&self.endpoint, id, &resource.to_resource(), precondition).await?;
        replaced.map(|replaced| view(&replaced, 200)).transpose()
    }

    /// [`Client::patch`], with operations as the standard writes them.
    ///
    /// # Errors
    /// [`ClientError`], as for [`create`](Self::create).
    pub async fn patch(&self, id: &str, operations: &PatchOp, precondition: Option<&Version>) -> Result<Option<T>, ClientError> {
        let patched = self.client.patch(&self.endpoint, id, &operations.to_json(), precondition).await?;
        patched.map(|patched| view(&patched, 200)).transpose()
    }

    /// [`Client::delete`].
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn delete(&self, id: &str, precondition: Option<&Version>) -> Result<(), ClientError> {
        self.client.delete(&self.endpoint, id, precondition).await
    }

    /// [`Client::remove`].
    ///
    /// # Errors
    /// [`ClientError`], as for all calls: see its variants.
    pub async fn remove(&self, id: &str) -> Result<Removed, ClientError> {
        self.client.remove(&self.endpoint, id).await
    }

    /// [`Client::query_all`].
    ///
    /// # Errors
    /// The stream ends after the first [`ClientError`], as for [`create`](Self::create).
    pub fn query_all<'b>(&'b self, request: &SearchRequest, page_size: PageSize) -> BoxStream<'b, Result<T, ClientError>>
    where
        'a: 'b,
        T: 'b,
    {
        self.client.query_all(&self.endpoint, request, page_size).map(|resource| view(&resource?, 200)).boxed()
    }
}

fn view<T: ResourceView>(resource: &Resource, status: u16) -> Result<T, ClientError> {
    T::from_resource(resource).map_err(|error| ClientError::InvalidBody {
        status,
        path: error.path,
        reason: format!("expected {}, found something else", error.expected),
    })
}
