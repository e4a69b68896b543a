-- keybook: the activity summary of an API server's audit log, by DuckDB 1.1 or later.
--   keybook query duckdb --table '@TABLE@' | duckdb > summary.ndjson
--   keybook who --audit summary.ndjson
-- A request is counted once, by the line that knows most of it, however many stages and copies of
-- it there are. Lines that are no JSON are passed over without a word.
COPY (
WITH events AS (
  SELECT
    *,
    coalesce(requestReceivedTimestamp, stageTimestamp, "timestamp") AS asked_at,
    coalesce("user".username, '') AS user_name,
    annotations['authorization.k8s.io/decision'] AS decision,
    "user".extra['authentication.kubernetes.io/pod-name'][1] AS pod_name,
    responseStatus.code AS code,
    responseStatus.message AS message,
    objectRef.resource AS resource,
    split_part(requestURI, '?', 1) AS path
  FROM read_json(
    '@TABLE@', format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = 67108864,
    columns = {
      auditID: 'VARCHAR', stage: 'VARCHAR', level: 'VARCHAR', verb: 'VARCHAR', requestURI: 'VARCHAR',
      requestReceivedTimestamp: 'VARCHAR', stageTimestamp: 'VARCHAR', "timestamp": 'VARCHAR',
      userAgent: 'VARCHAR', sourceIPs: 'VARCHAR[]',
      "user": 'STRUCT(username VARCHAR, "groups" VARCHAR[], extra MAP(VARCHAR, VARCHAR[]))',
      impersonatedUser:
        'STRUCT(username VARCHAR, uid VARCHAR, "groups" VARCHAR[], extra MAP(VARCHAR, VARCHAR[]))',
      authenticationMetadata: 'STRUCT(impersonationConstraint VARCHAR)',
      objectRef: 'STRUCT(apiGroup VARCHAR, resource VARCHAR, subresource VARCHAR,
                         "namespace" VARCHAR, name VARCHAR)',
      responseStatus: 'STRUCT(code INTEGER, message VARCHAR)',
      annotations: 'MAP(VARCHAR, VARCHAR)'
    })
  WHERE auditID <> ''
    AND stage IN ('RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic')
), lines AS (
  SELECT
    -- Of several lines of one request: one behind the authorizer knows more than RequestReceived,
    -- one with its decision more than one without, a real answer more than the one that the server
    -- makes up for a connection that was cut, and a later stage more than an earlier one.
    row_number() OVER (
      PARTITION BY auditID, requestReceivedTimestamp, verb, requestURI, user_name
      ORDER BY
        (stage <> 'RequestReceived') DESC,
        coalesce(decision IN ('allow', 'forbid'), false) DESC,
        coalesce(code = 200 AND message = 'Connection closed early', false),
        stage = 'ResponseComplete' DESC, stage = 'ResponseStarted' DESC
    ) AS nth,
    asked_at, user_name, stage, code, decision, verb, resource, level, pod_name,
    substr(asked_at, 1, 10) AS day,
    substr(asked_at, 1, 15) AS stretch,
    CASE WHEN user_name = '' THEN substr(asked_at, 1, 10) END AS nobody,
    -- A message tells something only where the decision is not noted.
    CASE WHEN decision IS NULL AND (code = 403 OR message = 'Connection closed early')
      THEN message END AS message,
    CASE WHEN decision = 'allow' THEN annotations['authorization.k8s.io/reason'] END AS reason,
    annotations['authentication.k8s.io/legacy-token'] AS legacy_token,
    objectRef.apiGroup AS api_group,
    objectRef.subresource AS subresource,
    -- Namespaces and names that come from bodies are not what the authorizer saw.
    CASE WHEN contains(path, '/namespaces/') THEN objectRef."namespace" END AS "namespace",
    CASE WHEN verb = 'deletecollection'
        OR (verb = 'create' AND coalesce(objectRef.subresource, '') = '') THEN NULL
      ELSE objectRef.name END AS name,
    CASE WHEN resource IS NULL THEN path END AS path,
    CAST(to_json("user"."groups") AS VARCHAR) AS user_groups,
    -- A pod's tokens are renewed every hour: they count as one, the pod's.
    CASE WHEN pod_name IS NULL OR NOT starts_with(
        "user".extra['authentication.kubernetes.io/credential-id'][1], 'JTI=')
      THEN "user".extra['authentication.kubernetes.io/credential-id'][1] END AS credential_id,
    CASE WHEN pod_name IS NULL
      THEN "user".extra['authentication.kubernetes.io/pod-uid'][1] END AS pod_uid,
    impersonatedUser.username AS impersonated_user,
    CAST(to_json(impersonatedUser."groups") AS VARCHAR) AS impersonated_groups,
    impersonatedUser.uid AS impersonated_uid,
    CAST(to_json(impersonatedUser.extra) AS VARCHAR) AS impersonated_extra,
    authenticationMetadata.impersonationConstraint AS impersonation_constraint,
    userAgent AS user_agent,
    -- What stands before the last address is what the client says.
    sourceIPs[-1] AS source_ip
  FROM events
  WHERE asked_at >= '@FROM@' AND asked_at < '@TO@'
)
SELECT
  '1' AS keybook_summary,
  CASE WHEN grouping(stretch) = 0 THEN 'stretch' ELSE 'requests' END AS kind,
  coalesce(day, nobody, substr(stretch, 1, 10)) AS day,
  count(*) FILTER (WHERE nth = 1) AS requests,
  count(*) AS lines,
  CASE WHEN grouping(stretch) = 0 THEN min(asked_at) ELSE min(asked_at) FILTER (WHERE nth = 1) END AS first_seen,
  CASE WHEN grouping(stretch) = 0 THEN max(asked_at) ELSE max(asked_at) FILTER (WHERE nth = 1) END AS last_seen,
  level, stage, code, message, decision, reason, legacy_token,
  verb, api_group, resource, subresource, "namespace", name, path,
  user_name, user_groups, credential_id, pod_name, pod_uid,
  impersonated_user, impersonated_groups, impersonated_uid, impersonated_extra,
  impersonation_constraint, user_agent, source_ip
FROM lines
GROUP BY GROUPING SETS (
  (day, stage, code, message, decision, reason, legacy_token,
   verb, api_group, resource, subresource, "namespace", name, path,
   user_name, user_groups, credential_id, pod_name, pod_uid,
   impersonated_user, impersonated_groups, impersonated_uid, impersonated_extra,
   impersonation_constraint, user_agent, source_ip),
  (nobody),
  (stretch, level)
)
HAVING grouping(stretch) = 0
  OR (grouping(nobody) = 0 AND nobody IS NOT NULL AND count(*) FILTER (WHERE nth = 1) > 0)
  OR (grouping(day) = 0 AND user_name <> '' AND count(*) FILTER (WHERE nth = 1) > 0)
) TO '/dev/stdout' (FORMAT json);
