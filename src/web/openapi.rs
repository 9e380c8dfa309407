//! The description of the API (OpenAPI 3.1), made from the routes themselves.

use utoipa::{
    PartialSchema,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        schema::{AdditionalProperties, Schema},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::error::ProblemJson;

const SCHEME: &str = "token";

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

/// What is true of every route, after they added themselves: how errors look, and that an article
/// on its way in needs less than one on its way out.
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
    if let Some(components) = &mut api.components {
        components.schemas.insert("Problem".into(), ProblemJson::schema());
        if let Some(article) = components.schemas.get("Article").and_then(article_input) {
            components.schemas.insert("ArticleInput".into(), article);
        }
    }
    let operations = api.paths.paths.values_mut().flat_map(operations);
    for operation in operations {
        let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
        let response = ResponseBuilder::new()
            .description("What is wrong, in a sentence")
            .content("application/problem+json", problem)
            .build();
        operation.responses.responses.insert("default".into(), response.into());
    }
    api
}

fn article_input(article: &RefOr<Schema>) -> Option<RefOr<Schema>> {
    let RefOr::T(Schema::Object(article)) = article else { return None };
    let mut input = article.clone();
    input.required = vec!["title".into(), "url".into()];
    input.description = Some("An article on its way in. `published_at` too unless a draft.".into());
    input.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    Some(RefOr::T(Schema::Object(input)))
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete]
        .into_iter()
        .flatten()
}
