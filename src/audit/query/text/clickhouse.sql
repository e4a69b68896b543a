-- keybook: the activity summary of an API server's audit log, by ClickHouse 24.3 or later.
-- Each row of the table holds one event's JSON in the column @COLUMN@.
--   keybook query clickhouse --table audit --column message | clickhouse-client > summary.ndjson
--   keybook query clickhouse --table "file('audit*.log*', LineAsString)" --column line \
--     | clickhouse-local > summary.ndjson
--   keybook who --audit summary.ndjson
-- A request is counted once, by the line that knows most of it, however many stages and copies of
-- it there are. What is no event is passed over without a word.
WITH events AS (
  SELECT
    JSONExtract(@COLUMN@, 'Tuple(
      auditID String, stage String, level String, verb String, requestURI String,
      requestReceivedTimestamp String, stageTimestamp String, timestamp String,
      userAgent String, sourceIPs Array(String),
      user Tuple(username String, groups Array(String), extra Map(String, Array(String))),
      impersonatedUser
        Tuple(username String, uid String, groups Array(String), extra Map(String, Array(String))),
      authenticationMetadata Tuple(impersonationConstraint String),
      objectRef Tuple(apiGroup String, resource String, subresource String,
                      namespace String, name String),
      responseStatus Tuple(code UInt16, message String),
      annotations Map(String, String))') AS event
  FROM @TABLE@
), named AS (
  SELECT
    event,
    multiIf(event.requestReceivedTimestamp != '', event.requestReceivedTimestamp,
            event.stageTimestamp != '', event.stageTimestamp, event.timestamp) AS asked_at,
    event.annotations['authorization.k8s.io/decision'] AS decided,
    event.user.extra['authentication.kubernetes.io/pod-name'][1] AS pod,
    event.user.extra['authentication.kubernetes.io/credential-id'][1] AS credential,
    splitByChar('?', event.requestURI)[1] AS uri_path,
    event.responseStatus.code = 200
      AND event.responseStatus.message = 'Connection closed early' AS made_up
  FROM events
  WHERE event.auditID != ''
    AND event.stage IN ('RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic')
    AND asked_at >= '@FROM@' AND asked_at < '@TO@'
), lines AS (
  SELECT
    -- Of several lines of one request: one behind the authorizer knows more than RequestReceived,
    -- one with its decision more than one without, a real answer more than the one that the server
    -- makes up for a connection that was cut, and a later stage more than an earlier one.
    row_number() OVER (
      PARTITION BY event.auditID, event.requestReceivedTimestamp, event.verb, event.requestURI,
        event.user.username
      ORDER BY
        event.stage != 'RequestReceived' DESC, decided IN ('allow', 'forbid') DESC, made_up,
        event.stage = 'ResponseComplete' DESC, event.stage = 'ResponseStarted' DESC
    ) AS nth,
    asked_at,
    substring(asked_at, 1, 10) AS on_day,
    substring(asked_at, 1, 15) AS stretch,
    if(event.user.username = '', substring(asked_at, 1, 10), '') AS nobody,
    event.level AS level,
    event.stage AS stage,
    event.responseStatus.code AS code,
    -- A message tells something only where the decision is not noted.
    if(decided = '' AND (code = 403 OR made_up), event.responseStatus.message, '') AS message,
    decided AS decision,
    if(decided = 'allow', event.annotations['authorization.k8s.io/reason'], '') AS reason,
    event.annotations['authentication.k8s.io/legacy-token'] AS legacy_token,
    event.verb AS verb,
    event.objectRef.apiGroup AS api_group,
    event.objectRef.resource AS resource,
    event.objectRef.subresource AS subresource,
    -- Namespaces and names that come from bodies are not what the authorizer saw.
    if(position(uri_path, '/namespaces/') > 0, event.objectRef.namespace, '') AS namespace,
    if(verb = 'deletecollection' OR (verb = 'create' AND subresource = ''),
       '', event.objectRef.name) AS name,
    if(resource = '', uri_path, '') AS path,
    event.user.username AS user_name,
    toJSONString(event.user.groups) AS user_groups,
    -- A pod's tokens are renewed every hour: they count as one, the pod's.
    if(pod != '' AND startsWith(credential, 'JTI='), '', credential) AS credential_id,
    pod AS pod_name,
    if(pod = '', event.user.extra['authentication.kubernetes.io/pod-uid'][1], '') AS pod_uid,
    event.impersonatedUser.username AS impersonated_user,
    toJSONString(event.impersonatedUser.groups) AS impersonated_groups,
    event.impersonatedUser.uid AS impersonated_uid,
    toJSONString(event.impersonatedUser.extra) AS impersonated_extra,
    event.authenticationMetadata.impersonationConstraint AS impersonation_constraint,
    event.userAgent AS user_agent,
    -- What stands before the last address is what the client says.
    event.sourceIPs[-1] AS source_ip
  FROM named
)
SELECT
  '1' AS keybook_summary,
  if(grouping(stretch) = 0, 'stretch', 'requests') AS kind,
  multiIf(on_day != '', on_day, nobody != '', nobody, substring(stretch, 1, 10)) AS day,
  countIf(nth = 1) AS requests,
  count() AS lines,
  if(grouping(stretch) = 0, min(asked_at), minIf(asked_at, nth = 1)) AS first_seen,
  if(grouping(stretch) = 0, max(asked_at), maxIf(asked_at, nth = 1)) AS last_seen,
  level, stage, code, message, decision, reason, legacy_token,
  verb, api_group, resource, subresource, namespace, name, path,
  user_name, user_groups, credential_id, pod_name, pod_uid,
  impersonated_user, impersonated_groups, impersonated_uid, impersonated_extra,
  impersonation_constraint, user_agent, source_ip
FROM lines
GROUP BY GROUPING SETS (
  (on_day, stage, code, message, decision, reason, legacy_token,
   verb, api_group, resource, subresource, namespace, name, path,
   user_name, user_groups, credential_id, pod_name, pod_uid,
   impersonated_user, impersonated_groups, impersonated_uid, impersonated_extra,
   impersonation_constraint, user_agent, source_ip),
  (nobody),
  (stretch, level)
)
HAVING grouping(stretch) = 0
  OR (grouping(nobody) = 0 AND nobody != '' AND requests > 0)
  OR (grouping(on_day) = 0 AND user_name != '' AND requests > 0)
FORMAT JSONEachRow
