-- keybook: the activity summary of EKS's audit log, by Amazon Athena (engine version 3).
-- The table has one column, @COLUMN@, with the lines of the log as CloudWatch Logs exports them to
-- S3: the time, a space, an event's JSON. Lines of other streams do no harm.
--   CREATE EXTERNAL TABLE eks_audit (line string)
--   ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001' LINES TERMINATED BY '\n'
--   LOCATION 's3://BUCKET/PREFIX/';
-- Download the result as CSV: keybook who --audit result.csv
-- A request is counted once, by the line that knows most of it, however many stages and copies of
-- it there are. What is no event, and what CloudWatch cut, is passed over without a word.
WITH events AS (
  SELECT
    event,
    json_extract_scalar(event, '$.auditID') AS audit_id,
    json_extract_scalar(event, '$.stage') AS stage,
    json_extract_scalar(event, '$.level') AS level,
    json_extract_scalar(event, '$.verb') AS verb,
    json_extract_scalar(event, '$.requestURI') AS uri,
    json_extract_scalar(event, '$.requestReceivedTimestamp') AS received,
    coalesce(json_extract_scalar(event, '$.requestReceivedTimestamp'),
             json_extract_scalar(event, '$.stageTimestamp'),
             json_extract_scalar(event, '$.timestamp')) AS asked_at,
    coalesce(json_extract_scalar(event, '$.user.username'), '') AS user_name,
    json_extract_scalar(event, '$.annotations["authorization.k8s.io/decision"]') AS decision,
    json_extract_scalar(event, '$.responseStatus.code') AS code,
    json_extract_scalar(event, '$.responseStatus.message') AS said,
    json_extract_scalar(event, '$.objectRef.resource') AS resource,
    json_extract_scalar(event, '$.objectRef.subresource') AS subresource,
    json_extract_scalar(
      event, '$.user.extra["authentication.kubernetes.io/credential-id"][0]') AS credential,
    json_extract_scalar(
      event, '$.user.extra["authentication.kubernetes.io/pod-name"][0]') AS pod_name
  FROM (SELECT substr(@COLUMN@, strpos(@COLUMN@, '{')) AS event FROM @TABLE@) AS exported
  WHERE event LIKE '{%"auditID"%'
), lines AS (
  SELECT
    -- Of several lines of one request: one behind the authorizer knows more than RequestReceived,
    -- one with its decision more than one without, a real answer more than the one that the server
    -- makes up for a connection that was cut, and a later stage more than an earlier one.
    row_number() OVER (
      PARTITION BY audit_id, received, verb, uri, user_name
      ORDER BY
        if(stage = 'RequestReceived', 0, 1) DESC,
        if(decision IN ('allow', 'forbid'), 1, 0) DESC,
        if(code = '200' AND said = 'Connection closed early', 1, 0),
        if(stage = 'ResponseComplete', 2, if(stage = 'ResponseStarted', 1, 0)) DESC
    ) AS nth,
    asked_at, user_name, stage, code, decision, verb, resource, subresource, level, pod_name,
    substr(asked_at, 1, 10) AS on_day,
    substr(asked_at, 1, 15) AS stretch,
    if(user_name = '', substr(asked_at, 1, 10)) AS nobody,
    -- A message tells something only where the decision is not noted.
    if(decision IS NULL AND (code = '403' OR said = 'Connection closed early'), said) AS message,
    if(decision = 'allow',
       json_extract_scalar(event, '$.annotations["authorization.k8s.io/reason"]')) AS reason,
    json_extract_scalar(
      event, '$.annotations["authentication.k8s.io/legacy-token"]') AS legacy_token,
    json_extract_scalar(event, '$.objectRef.apiGroup') AS api_group,
    -- Namespaces and names that come from bodies are not what the authorizer saw.
    if(strpos(split_part(uri, '?', 1), '/namespaces/') > 0,
       json_extract_scalar(event, '$.objectRef.namespace')) AS namespace,
    if(verb = 'deletecollection' OR (verb = 'create' AND coalesce(subresource, '') = ''),
       NULL, json_extract_scalar(event, '$.objectRef.name')) AS name,
    if(resource IS NULL, split_part(uri, '?', 1)) AS path,
    json_format(json_extract(event, '$.user.groups')) AS user_groups,
    -- A pod's tokens are renewed every hour: they count as one, the pod's.
    if(pod_name IS NOT NULL AND credential LIKE 'JTI=%', NULL, credential) AS credential_id,
    if(pod_name IS NULL, json_extract_scalar(
      event, '$.user.extra["authentication.kubernetes.io/pod-uid"][0]')) AS pod_uid,
    json_extract_scalar(event, '$.impersonatedUser.username') AS impersonated_user,
    json_format(json_extract(event, '$.impersonatedUser.groups')) AS impersonated_groups,
    json_extract_scalar(event, '$.impersonatedUser.uid') AS impersonated_uid,
    json_format(json_extract(event, '$.impersonatedUser.extra')) AS impersonated_extra,
    json_extract_scalar(
      event, '$.authenticationMetadata.impersonationConstraint') AS impersonation_constraint,
    json_extract_scalar(event, '$.userAgent') AS user_agent,
    -- What stands before the last address is what the client says.
    element_at(CAST(json_extract(event, '$.sourceIPs') AS array(varchar)), -1) AS source_ip
  FROM events
  WHERE audit_id <> ''
    AND stage IN ('RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic')
    AND asked_at >= '@FROM@' AND asked_at < '@TO@'
)
SELECT
  '1' AS keybook_summary,
  if(grouping(stretch) = 0, 'stretch', 'requests') AS kind,
  coalesce(on_day, nobody, substr(stretch, 1, 10)) AS day,
  count_if(nth = 1) AS requests,
  count(*) AS lines,
  if(grouping(stretch) = 0, min(asked_at), min(if(nth = 1, asked_at))) AS first_seen,
  if(grouping(stretch) = 0, max(asked_at), max(if(nth = 1, asked_at))) AS last_seen,
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
  OR (grouping(nobody) = 0 AND nobody IS NOT NULL AND count_if(nth = 1) > 0)
  OR (grouping(on_day) = 0 AND user_name <> '' AND count_if(nth = 1) > 0)
