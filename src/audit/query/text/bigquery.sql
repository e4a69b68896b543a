-- keybook: the activity summary of GKE's audit log, by BigQuery over the tables of a log sink.
--   keybook query bigquery --table PROJECT.DATASET \
--     | bq query --use_legacy_sql=false --format=json --max_rows=10000000 > summary.json
--   keybook who --audit summary.json
-- Leave out the part on data_access where Data Access logs are not enabled: then reads are not in
-- the log at all. A request is counted once, however many entries of its operation there are.
-- GKE's entries have no groups, no credential, no impersonation and no HTTP code: the column lacks
-- says so. With a date-sharded sink, write the tables as cloudaudit_googleapis_com_activity_*.
WITH entries AS (
  SELECT protopayload_auditlog AS entry, labels, operation, insertId, timestamp
  FROM `@TABLE@.cloudaudit_googleapis_com_activity`
  WHERE timestamp >= TIMESTAMP '@FROM@' AND timestamp < TIMESTAMP '@TO@'
  UNION ALL
  SELECT protopayload_auditlog, labels, operation, insertId, timestamp
  FROM `@TABLE@.cloudaudit_googleapis_com_data_access`
  WHERE timestamp >= TIMESTAMP '@FROM@' AND timestamp < TIMESTAMP '@TO@'
), named AS (
  SELECT
    entry, timestamp,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(operation.id, insertId)
      ORDER BY COALESCE(operation.last, FALSE) DESC, timestamp DESC
    ) AS nth,
    MIN(timestamp) OVER (PARTITION BY COALESCE(operation.id, insertId)) AS asked_at,
    COALESCE(entry.authenticationInfo.principalEmail, entry.authenticationInfo.principalSubject,
             entry.authenticationInfo.authoritySelector, '') AS user_name,
    ARRAY_REVERSE(SPLIT(entry.methodName, '.'))[SAFE_OFFSET(0)] AS verb,
    -- The group stands in the resource's name as it is, in the method's reversed.
    REGEXP_CONTAINS(entry.resourceName, r'^[^/]+/v[0-9][a-z0-9]*/.') AS is_resource,
    SPLIT(entry.resourceName, '/') AS parts,
    COALESCE(
      labels.authorization_k8s_io_decision,
      IF(ARRAY_LENGTH(entry.authorizationInfo) > 0,
         IF(COALESCE(entry.authorizationInfo[SAFE_OFFSET(0)].granted, FALSE), 'allow', 'forbid'),
         NULL)) AS decision,
    labels.authorization_k8s_io_reason AS reason
  FROM entries
  WHERE entry.serviceName = 'k8s.io'
), placed AS (
  SELECT
    *,
    parts[SAFE_OFFSET(2)] = 'namespaces' AND ARRAY_LENGTH(parts) > 4
      AND NOT (parts[SAFE_OFFSET(4)] IN ('status', 'finalize') AND ARRAY_LENGTH(parts) = 5) AS inside
  FROM named
), lines AS (
  SELECT
    nth, asked_at, timestamp, verb, user_name,
    FORMAT_TIMESTAMP('%F', asked_at) AS on_day,
    IF(user_name = '', FORMAT_TIMESTAMP('%F', asked_at), NULL) AS nobody,
    SUBSTR(FORMAT_TIMESTAMP('%FT%H:%M', timestamp), 1, 15) AS stretch,
    -- HTTP's code where gRPC's has one.
    CASE COALESCE(entry.status.code, 0)
      WHEN 0 THEN '200' WHEN 5 THEN '404' WHEN 6 THEN '409' WHEN 10 THEN '409'
      WHEN 7 THEN '403' WHEN 16 THEN '401' END AS code,
    IF(decision IS NULL AND entry.status.code = 7, entry.status.message, NULL) AS message,
    decision,
    IF(decision = 'allow', reason, NULL) AS reason,
    IF(is_resource AND parts[SAFE_OFFSET(0)] != 'core', parts[SAFE_OFFSET(0)], NULL) AS api_group,
    IF(is_resource, parts[SAFE_OFFSET(IF(inside, 4, 2))], NULL) AS resource,
    IF(is_resource, parts[SAFE_OFFSET(IF(inside, 6, 4))], NULL) AS subresource,
    IF(is_resource AND parts[SAFE_OFFSET(2)] = 'namespaces', parts[SAFE_OFFSET(3)], NULL)
      AS namespace,
    -- Names of what is created come from bodies: they are not what the authorizer saw.
    IF(NOT is_resource OR verb = 'deletecollection'
         OR (verb = 'create' AND parts[SAFE_OFFSET(IF(inside, 6, 4))] IS NULL),
       NULL, parts[SAFE_OFFSET(IF(inside, 5, 3))]) AS name,
    IF(is_resource, NULL, CONCAT('/', TRIM(COALESCE(entry.resourceName, ''), '/'))) AS path,
    entry.requestMetadata.callerSuppliedUserAgent AS user_agent,
    entry.requestMetadata.callerIp AS source_ip
  FROM placed
)
SELECT
  '1' AS keybook_summary,
  IF(GROUPING(stretch) = 0, 'stretch', 'requests') AS kind,
  'groups,credentials,impersonation,codes,levels' AS lacks,
  COALESCE(on_day, nobody, SUBSTR(stretch, 1, 10)) AS day,
  COUNTIF(nth = 1) AS requests,
  COUNT(*) AS lines,
  FORMAT_TIMESTAMP('%FT%H:%M:%E6SZ', IF(GROUPING(stretch) = 0, MIN(timestamp),
    MIN(IF(nth = 1, asked_at, NULL)))) AS first_seen,
  FORMAT_TIMESTAMP('%FT%H:%M:%E6SZ', IF(GROUPING(stretch) = 0, MAX(timestamp),
    MAX(IF(nth = 1, asked_at, NULL)))) AS last_seen,
  NULL AS level, NULL AS stage, code, message, decision, reason, NULL AS legacy_token,
  NULL AS legacy_secret,
  verb, api_group, resource, subresource, namespace, name, path,
  user_name, NULL AS user_groups, NULL AS credential_id, NULL AS pod_name, NULL AS pod_uid,
  NULL AS impersonated_user, NULL AS impersonated_groups, NULL AS impersonated_uid,
  NULL AS impersonated_extra, NULL AS impersonation_constraint, user_agent, source_ip
FROM lines
GROUP BY GROUPING SETS (
  (on_day, code, message, decision, reason, verb, api_group, resource, subresource, namespace,
   name, path, user_name, user_agent, source_ip),
  (nobody),
  (stretch)
)
HAVING GROUPING(stretch) = 0
  OR (GROUPING(nobody) = 0 AND nobody IS NOT NULL AND requests > 0)
  OR (GROUPING(on_day) = 0 AND user_name != '' AND requests > 0)
