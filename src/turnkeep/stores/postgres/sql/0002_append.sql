-- Appends that came together, in one call and one commit. s_ has an element for each session, in the order of the numbers, m_ for each
-- message, c_ for each tool call that a message makes, n_ for each call that a result needs; m_session, c_session and n_session say
-- which of the sessions it is, m_at and c_at how far behind the session's newest message it comes to stand.
--
-- All is done or nothing. Sessions are locked in one order, so that no two batches wait for each other; what is looked up after that is
-- as it stays. What cannot be done by inserting rows alone is told: sessions that are gone or closed (`closed`), messages whose
-- external id is known or whose call is not (`known`, numbers of elements). Else: of each session its row as it was before (`before`), unless
-- that is of the version that the caller knows (s_version).
--
-- The planner is kept from guessing: every table is reached by its primary key, however large or small it takes it for.

CREATE FUNCTION append_batch(
    s_number bigint[], s_version bigint[], s_appends bigint[], s_count bigint[], s_tokens bigint[], s_out bigint[], s_calls bigint[],
    s_fixed bigint[], s_now bigint[],
    m_session integer[], m_at bigint[], m_role smallint[], m_tokens bigint[], m_counter integer[], m_created bigint[],
    m_content text[], m_external text[], m_parts text[], m_calls text[], m_call_id text[], m_name text[], m_author text[], m_metadata text[],
    c_session integer[], c_at bigint[], c_id text[],
    n_message integer[], n_session integer[], n_id text[],
    OUT before text[], OUT closed bigint[], OUT known integer[]
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    roots bigint[];
    seqs bigint[];
    opens bigint[];
BEGIN
    SELECT array_agg(s.root), array_agg(s.seq), array_agg(s.number) FILTER (WHERE s.status = 'active' AND
        (s.expires_ms IS NULL OR s.expires_ms > s_now[array_position(s_number, s.number)])),
        array_agg(CASE WHEN s.version <> s_version[array_position(s_number, s.number)] THEN row_to_json(s)::text END)
    INTO roots, seqs, opens, before
    FROM (SELECT * FROM sessions WHERE number = ANY (s_number) ORDER BY number FOR UPDATE) s;
    IF opens IS DISTINCT FROM s_number THEN
        SELECT array_agg(number) INTO closed FROM unnest(s_number) AS number WHERE opens IS NULL OR number <> ALL (opens);
        RETURN;
    END IF;
    IF m_external <> '{}' THEN
        SELECT array_agg(m.place) INTO known
        FROM unnest(m_session, m_external) WITH ORDINALITY AS m (session, external_id, place)
        WHERE (SELECT x.message FROM external_ids x WHERE x.root = roots[m.session] AND x.external_id = m.external_id) IS NOT NULL;
    END IF;
    IF n_id <> '{}' THEN
        SELECT known || array_agg(n.message) INTO known
        FROM unnest(n_message, n_session, n_id) AS n (message, session, id)
        WHERE (SELECT min(c.seq) FROM calls c WHERE c.log = s_number[n.session] AND c.call_id = n.id) IS NULL;
    END IF;
    IF known <> '{}' THEN
        RETURN;
    END IF;
    INSERT INTO messages (id, role, content, tokens, counter, created_ms, external_id, parts, tool_calls, tool_call_id, name, author_id,
        metadata)
    SELECT s_number[m.session] << 32 | (seqs[m.session] + m.at), m.role, m.content, m.tokens, m.counter, m.created_ms, m.external_id,
        m.parts, m.tool_calls, m.tool_call_id, m.name, m.author_id, m.metadata
    FROM unnest(m_session, m_at, m_role, m_content, m_tokens, m_counter, m_created, m_external, m_parts, m_calls, m_call_id, m_name,
        m_author, m_metadata) AS m (session, at, role, content, tokens, counter, created_ms, external_id, parts, tool_calls,
        tool_call_id, name, author_id, metadata);
    IF m_external <> '{}' THEN
        INSERT INTO external_ids (root, external_id, message)
        SELECT roots[m.session], m.external_id, s_number[m.session] << 32 | (seqs[m.session] + m.at)
        FROM unnest(m_session, m_at, m_external) AS m (session, at, external_id)
        WHERE m.external_id IS NOT NULL
        ORDER BY 1, 2;
    END IF;
    IF c_id <> '{}' THEN
        INSERT INTO calls (log, call_id, seq)
        SELECT s_number[c.session], c.id, seqs[c.session] + c.at FROM unnest(c_session, c_at, c_id) AS c (session, at, id);
    END IF;
    UPDATE sessions s SET
        seq = s.seq + d.count, version = s.version + d.appends, tokens = s.tokens + d.tokens, tokens_out = s.tokens_out + d.out,
        window_messages = s.window_messages + d.count, window_tokens = s.window_tokens + d.tokens, tool_calls = s.tool_calls + d.calls,
        fixed_tokens = coalesce(d.fixed, s.fixed_tokens), active_ms = d.now,
        expires_ms = CASE WHEN s.lifetime_ms IS NULL THEN s.expires_ms ELSE d.now + s.lifetime_ms END
    FROM unnest(s_number, s_appends, s_count, s_tokens, s_out, s_calls, s_fixed, s_now)
        AS d (number, appends, count, tokens, out, calls, fixed, now)
    WHERE s.number = d.number;
END
$$;
