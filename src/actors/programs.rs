//! Names that programs give themselves: to a session of a cloud role, or as a user agent.
//!
//! Such a name is a program's whatever system it runs on: an SDK on somebody's laptop calls its session
//! as the same SDK does in a pipeline, anew each time, and a runner may be a Mac.

/// What they are called, or begin with.
const PROGRAMS: [&str; 50] = [
    "actions-runner",
    "argocd",
    "assumerolesession",
    "atlantis",
    "aws-cli",
    "aws-dotnet-sdk",
    "aws-go-sdk",
    "aws-sdk",
    "awscli",
    "awscodebuild",
    "azuredevops",
    "bitbucket",
    "boto3",
    "botocore",
    "buildkite",
    "circleci",
    "codebuild",
    "codepipeline",
    "drone",
    "eks-",
    // `aws eks get-token --role-arn` calls every session so.
    "eksgettokenauth",
    "flux",
    "gha-",
    "github-actions",
    "githubactions",
    "gitlab",
    "gitlabrunner",
    "gitlabrunnerproject",
    "harness-",
    "hashicorp",
    "i-0",
    "jenkins",
    "k8s",
    "kubernetes",
    "lambda",
    "mi-0",
    "opentofu",
    "packer",
    "provider_aws",
    "pulumi",
    "spacelift",
    "spinnaker",
    "teamcity",
    "terraform",
    "terragrunt",
    "tfc-",
    "tofu",
    "travis",
    "vault-",
    "webidentitysession",
];

/// Beginnings of what SDKs and tools call a session of whoever runs them, a person too: of who that is
/// it says nothing.
const ANYBODYS: [&str; 13] = [
    "assumerolesession",
    "aws-cli",
    "aws-dotnet-sdk",
    "aws-go-sdk",
    "aws-sdk",
    "awscli",
    "boto3",
    "botocore",
    "eksgettokenauth",
    "k8s",
    "kubernetes",
    "provider_aws",
    "webidentitysession",
];

/// What pipelines call what they do; they put a number or an id behind it.
const JOBS: [&str; 21] = [
    "action",
    "agent",
    "build",
    "cd",
    "ci",
    "cicd",
    "deploy",
    "deployment",
    "e2e",
    "gha",
    "job",
    "nightly",
    "pipeline",
    "pr",
    "release",
    "run",
    "runner",
    "stage",
    "test",
    "worker",
    "workflow",
];

/// Whether the name of a session is one that only a program has: a pipeline's, a job's or a machine's,
/// and not what a tool calls the session of whoever runs it.
pub(super) fn are_only_named(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    are_named(name) && !ANYBODYS.iter().any(|word| lower.starts_with(word)) && !is_a_time(&lower)
}

/// `build-17`, `deploy-api-3f9c21ab`: a pipeline's word, and at the end what counts up or is an id.
fn is_a_job(lower: &str) -> bool {
    if lower.contains('@') {
        return false;
    }
    let mut parts = lower.split(['-', '_', '.', ':', '/']);
    let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else { return false };
    JOBS.contains(&first) && is_an_id(last)
}

/// A number, or an id in hexadecimal.
fn is_an_id(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    digits > 0
        && (digits == part.len()
            || part.len() >= 6 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Among them, what people are called too.
const PEOPLES: [&str; 4] = ["drone", "jenkins", "packer", "travis"];

/// Whether a name is a person's first and last one, of which one word is a program's as well:
/// `travis.jones@corp.example`, `tom.jenkins`.
pub(crate) fn is_a_persons(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let local = lower.split('@').next().unwrap_or_default();
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let all: Vec<&str> = local.split(['.', '_']).collect();
    all.len() > 1
        && all.iter().all(|word| is_word(word) && !JOBS.contains(word))
        && all.iter().any(|word| PEOPLES.contains(word))
        && all.iter().all(|word| PEOPLES.contains(word) || !PROGRAMS.contains(word))
}

/// Whether a program gave the name.
pub(super) fn are_named(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if is_a_persons(name) {
        return false;
    }
    let begins = |word: &&str| {
        // "drone-7" is one's, "dronefield" a person's.
        let next = lower.strip_prefix(*word).map(|rest| rest.bytes().next());
        next.is_some_and(|next| {
            word.ends_with(['-', '0']) || !next.is_some_and(|byte| byte.is_ascii_lowercase())
        })
    };
    PROGRAMS.iter().any(begins) || is_a_time(&lower) || ends_in_a_uuid(&lower) || is_a_job(&lower)
}

/// The time in seconds or finer, which SDKs take where nobody gives a name.
fn is_a_time(lower: &str) -> bool {
    lower.len() >= 10 && lower.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a UUID, or something that was given one so that there is no other of it.
fn ends_in_a_uuid(lower: &str) -> bool {
    let at = lower.len().checked_sub(36).filter(|at| lower.is_char_boundary(*at));
    let Some((before, uuid)) = at.map(|at| lower.split_at(at)) else { return false };
    uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && (before.is_empty() || before.ends_with(['-', '_', '.', '/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_call_themselves_is_told_from_peoples_names() {
        for name in [
            "ana@corp.example",
            "ana.lopez",
            "bo42",
            "e1000234",
            "deploy",
            "dronefield",
            "kubectl",
            "k9s",
            "helm",
            "operator",
            "deploy-api",
            "ana-2",
            "emp-1001",
            "build@corp.example",
            "tester-1",
            "travis.jones@corp.example",
            "Drone_Miller",
            "harnessa.lee",
            "ana0b0f1a2e-4a55-4b6d-9a55-1c2d3e4f5a6b",
            "",
        ] {
            assert!(!are_named(name), "{name}");
        }
        for name in [
            "botocore-session-1777885811",
            "Botocore",
            "aws-go-sdk-1",
            "aws-sdk-go-v2",
            "aws-sdk-java-1777885811342",
            "AWSCLI-Session-17",
            "EKSGetTokenAuth",
            "i-0ab12cd34",
            "GitHubActions",
            "Jenkins",
            "jenkins@corp.example",
            "jenkins.build@corp.example",
            "travis.7",
            "jenkins.gitlab",
            "terraform-cloud",
            "HashiCorp",
            "1777885811342",
            "0b0f1a2e-4a55-4b6d-9a55-1c2d3e4f5a6b",
            "shop-deployer-0b0f1a2e-4a55-4b6d-9a55-1c2d3e4f5a6b",
            "GitLabRunnerProject12-417",
            "harness-delegate-abc",
            "Spinnaker",
            "build-1",
            "gha-deploy-api",
            "Deploy_web_3f9c21ab",
        ] {
            assert!(are_named(name), "{name}");
        }
        // What a tool calls the session of whoever runs it may be a person's.
        for (name, only) in [
            ("build-1", true),
            ("GitHubActions", true),
            ("i-0abc0000000000001", true),
            ("gha-deploy-2-1", true),
            ("0b0f1a2e-4a55-4b6d-9a55-1c2d3e4f5a6b", true),
            ("EKSGetTokenAuth", false),
            ("botocore-session-1777885811", false),
            ("1777885811342", false),
            ("ana@corp.example", false),
            ("e1000234", false),
        ] {
            assert_eq!(are_only_named(name), only, "{name}");
        }
    }
}
