//! The description of the API (OpenAPI 3.1), made from the routes themselves.

use std::collections::BTreeMap;

use utoipa::{
    PartialSchema,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        schema::{AdditionalProperties, Array, Schema},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::error::ProblemJson;

const SCHEME: &str = "token";
const PROBLEM: &str = "application/problem+json";

/// What is true of the whole API, before routes add themselves.
pub(super) fn frame() -> OpenApi {
    let about = "Articles in, changes out. Errors are RFC 9457 problems that name the field. \
                 Unknown fields and query parameters are refused.";
    let info = InfoBuilder::new()
        .title("jarshy")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(about))
        .build();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("jsy_<id>_<secret>".into());
    let mut components = Components::new();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(SCHEME, Vec::<String>::new())]))
        .build()
}

/// What is true of every route, after they added themselves: how errors look, and that articles on
/// their way in need less than on their way out.
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
    if let Some(components) = &mut api.components {
        let schemas = &mut components.schemas;
        schemas.insert("Problem".into(), ProblemJson::schema());
        let about = "A file of an article on its way in.";
        add_input(schemas, "Media", "MediaInput", &["url", "type"], about);
        let about = "An article on its way in. `published_at` is needed too unless it is a draft.";
        add_input(schemas, "Article", "ArticleInput", &["title", "url"], about);
        let about = "An article of many on its way in.";
        add_input(schemas, "ArticleInput", "ArticleOfMany", &["id", "title", "url"], about);
        let many = Array::new(Ref::from_schema_name("ArticleOfMany"));
        schemas.insert("ArticlesOfMany".into(), Schema::Array(many).into());
        let about = "Fields of an article to change; `null` takes a value away.";
        add_input(schemas, "ArticleInput", "ArticlePatch", &[], about);
    }
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        describe_errors(operation);
    }
    api
}

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Adds the schema `name`, which is `like` another one but needs only `required` and nothing more.
fn add_input(schemas: &mut Schemas, like: &str, name: &str, required: &[&str], about: &str) {
    let Some(RefOr::T(Schema::Object(object))) = schemas.get(like) else { return };
    let mut input = object.clone();
    input.required = required.iter().map(|field| (*field).to_owned()).collect();
    input.description = Some(about.to_owned());
    input.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    if input.properties.contains_key("media") {
        let media = Array::new(Ref::from_schema_name("MediaInput"));
        input.properties.insert("media".into(), Schema::Array(media).into());
    }
    schemas.insert(name.to_owned(), Schema::Object(input).into());
}

/// Every answer that says no is a problem.
fn describe_errors(operation: &mut Operation) {
    let problem = || Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && status.starts_with('4')
        {
            response.content.insert(PROBLEM.into(), RefOr::T(problem()));
        }
    }
    let other = ResponseBuilder::new()
        .description("What is wrong, in a sentence")
        .content(PROBLEM, problem())
        .build();
    responses.insert("default".into(), other.into());
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete]
        .into_iter()
        .flatten()
}
