-- Appends that came together, in one call and one commit. Figures stand in a row: of each session 9 in `s`, of each message 6 in `m`, of
-- each tool call that a message makes 2 in `c`; texts that few messages have, 6 of each message, in `m_more`, which is empty if none has any.
--
--   s_number  the sessions' numbers, ascending
--   s         the version that the caller knows; appends, messages, tokens, tokens of the assistant, tool calls that are added; the fixed
--             tokens, if they are others now; the time; the root
--   m         number << 32 | how far behind the session's newest message it comes to stand; which of the sessions it is; role, tokens,
--             counter, time
--   m_more    parts, tool calls, tool call id, name, author, metadata
--   c         which of the sessions; how far behind its newest message
--   n         which of the sessions needs the call n_id to have been made
--
-- Of a session all is done or nothing. What cannot be done by inserting rows alone is passed over: sessions that are gone or closed, that
-- know an external id, or miss a call. Sessions are locked in one order, so that no two batches wait for each other. The answer has an
-- element for each session: `seqs`, the newest message before, NULL where it was passed over, and `changed`, unless it was of the
-- version that the caller knew: the columns that change while a session is open, as they are now (a JSON array: a tenth of what the
-- whole row as an object costs here and there).
--
-- The planner is kept from guessing: every table is reached by its primary key, however large or small it takes it for.

CREATE FUNCTION append_batch(
    s_number bigint[], s bigint[], m bigint[], m_content text[], m_external text[], m_more text[], c bigint[], c_id text[], n integer[],
    n_id text[], OUT seqs bigint[], OUT changed text[]
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    passed bigint[] := '{}';
    done bigint[];
BEGIN
    IF m_external <> '{}' THEN
        SELECT coalesce(array_agg(m[i * 6 - 4]), '{}') INTO passed FROM unnest(m_external) WITH ORDINALITY AS x (id, i)
        WHERE (SELECT e.message FROM external_ids e WHERE e.root = s[m[i * 6 - 4] * 9] AND e.external_id = x.id) IS NOT NULL;
    END IF;
    IF n_id <> '{}' THEN
        SELECT passed || coalesce(array_agg(x.place::bigint), '{}') INTO passed FROM unnest(n, n_id) AS x (place, id)
        WHERE (SELECT min(e.seq) FROM calls e WHERE e.log = s_number[x.place] AND e.call_id = x.id) IS NULL;
    END IF;
    PERFORM FROM sessions o WHERE o.number = s_number[1] FOR NO KEY UPDATE;  -- who waits for another batch sees, after that, what it did
    WITH updated AS (
        UPDATE sessions o SET
            version = o.version + s[i * 9 - 7], seq = o.seq + s[i * 9 - 6], tokens = o.tokens + s[i * 9 - 5],
            tokens_out = o.tokens_out + s[i * 9 - 4], tool_calls = o.tool_calls + s[i * 9 - 3],
            window_messages = o.window_messages + s[i * 9 - 6], window_tokens = o.window_tokens + s[i * 9 - 5],
            fixed_tokens = coalesce(s[i * 9 - 2], o.fixed_tokens), active_ms = s[i * 9 - 1],
            expires_ms = CASE WHEN o.lifetime_ms IS NULL THEN o.expires_ms ELSE s[i * 9 - 1] + o.lifetime_ms END
        FROM unnest(s_number) WITH ORDINALITY AS g (number, i)
        WHERE o.number = g.number AND o.closed_ms IS NULL AND (o.expires_ms IS NULL OR o.expires_ms > s[i * 9 - 1])
            AND i <> ALL (passed)
        RETURNING i, o.seq - s[i * 9 - 6] AS seq,
            CASE WHEN o.version <> s[i * 9 - 8] + s[i * 9 - 7] THEN concat('[', concat_ws(',', o.active_ms,
                coalesce(o.expires_ms::text, 'null'), o.version, o.generation, o.seq, o.prompt_seq, o.window_start, o.cleared_seq,
                coalesce(o.retracted, 'null'), o.tokens, o.tokens_out, o.window_messages, o.window_tokens, o.summary_tokens, o.pins,
                o.pin_tokens, o.fixed_tokens, o.tool_calls, o.errors, o.usage_in, o.usage_out, o.usage_cache_read, o.correction
            ), ']') END AS changed
    )
    SELECT array_agg(u.i), array_agg(u.seq), array_agg(u.changed) INTO done, seqs, changed FROM updated u;
    IF cardinality(done) IS DISTINCT FROM cardinality(s_number) THEN
        SELECT array_agg(seqs[array_position(done, i)]), array_agg(changed[array_position(done, i)]) INTO seqs, changed
        FROM generate_series(1, cardinality(s_number)) AS i;
    END IF;
    INSERT INTO messages (id, role, content, tokens, counter, created_ms, external_id, parts, tool_calls, tool_call_id, name, author_id,
        metadata)
    SELECT m[i * 6 - 5] + seqs[m[i * 6 - 4]], m[i * 6 - 3]::smallint, m_content[i], m[i * 6 - 2], m[i * 6 - 1]::integer, m[i * 6],
        m_external[i], m_more[i * 6 - 5], m_more[i * 6 - 4], m_more[i * 6 - 3], m_more[i * 6 - 2], m_more[i * 6 - 1], m_more[i * 6]
    FROM generate_subscripts(m_content, 1) AS i
    WHERE seqs[m[i * 6 - 4]] IS NOT NULL;
    IF m_external <> '{}' THEN
        INSERT INTO external_ids (root, external_id, message)
        SELECT s[m[i * 6 - 4] * 9], m_external[i], m[i * 6 - 5] + seqs[m[i * 6 - 4]] FROM generate_subscripts(m_external, 1) AS i
        WHERE m_external[i] IS NOT NULL AND seqs[m[i * 6 - 4]] IS NOT NULL;
    END IF;
    IF c_id <> '{}' THEN
        INSERT INTO calls (log, call_id, seq)
        SELECT s_number[c[i * 2 - 1]], c_id[i], seqs[c[i * 2 - 1]] + c[i * 2] FROM generate_subscripts(c_id, 1) AS i
        WHERE seqs[c[i * 2 - 1]] IS NOT NULL;
    END IF;
END
$$;
