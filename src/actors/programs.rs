//! Names that programs give themselves: to a session of a cloud role, or as a user agent.
//!
//! Such a name is a program's whatever system it runs on: an SDK on somebody's laptop calls its session
//! as the same SDK does in a pipeline, anew each time, and a runner may be a Mac.

/// What they are called, or begin with.
const PROGRAMS: [&str; 46] = [
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
    "github-actions",
    "githubactions",
    "gitlab",
    "gitlabrunner",
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
    "teamcity",
    "terraform",
    "terragrunt",
    "tfc-",
    "tofu",
    "travis",
    "vault-",
    "webidentitysession",
];

/// Whether a program gave the name.
pub(super) fn are_named(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let begins = |word: &&str| {
        // "drone-7" is one's, "dronefield" a person's.
        let next = lower.strip_prefix(*word).map(|rest| rest.bytes().next());
        next.is_some_and(|next| {
            word.ends_with(['-', '0']) || !next.is_some_and(|byte| byte.is_ascii_lowercase())
        })
    };
    PROGRAMS.iter().any(begins) || is_a_time(&lower) || is_a_uuid(&lower)
}

/// The time in seconds or finer, which SDKs take where nobody gives a name.
fn is_a_time(lower: &str) -> bool {
    lower.len() >= 10 && lower.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_a_uuid(lower: &str) -> bool {
    let lengths = lower.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && lower.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
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
            "terraform-cloud",
            "HashiCorp",
            "1777885811342",
            "0b0f1a2e-4a55-4b6d-9a55-1c2d3e4f5a6b",
        ] {
            assert!(are_named(name), "{name}");
        }
    }
}
