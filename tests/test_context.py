"""Each rule of a prompt, by an example."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from tests.logs import O200K, PNG, Log, brief, chat, summary

from turnkeep.context import build, has_large_results, truncation
from turnkeep.errors import BudgetTooSmall
from turnkeep.session import LeftOut, Message
from turnkeep.testing.rules import check_openai
from turnkeep.tokens import count_message

# --- the layout


def test_a_short_chat_is_sent_whole() -> None:
    context = Log().user("hi").says("hello").user("bye").build()
    assert context.messages == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "bye"},
    ]
    assert context.tokens == 3 * (4 + 1) + 3
    assert context.parts == {"system": 0, "pins": 0, "state": 0, "tools": 0, "summaries": 0, "gap": 0, "messages": 15, "frame": 3}
    assert (context.left_out, context.version, context.session_id) == ((), 7, "s")
    assert context.to_openai() == context.messages


def test_the_order_is_system_summaries_gap_older_turns_state_newest_turn() -> None:
    log = chat(30)
    window = log.window(
        summaries=(summary(0, 0, "before"), summary(1, 9, "then")), own={"b": 1, "a": "é", "secret": 2}, user={"lang": "fr"}
    )
    context = build(window, O200K, system="Be kind.", context_state=["lang", "b", "a"], budget=500)
    texts = [message["content"] for message in context.messages]
    assert texts[:3] == ["Be kind.", "Summary of an earlier conversation:\nbefore", "Summary of earlier messages 1-9:\nthen"]
    assert texts[3].startswith("[") and texts[3].endswith("are not shown here.]")
    assert context.head == 4
    assert texts[-3] == 'User state: {"lang":"fr"}\nConversation state: {"a":"é","b":1}'
    assert context.messages[-3]["role"] == "system"
    assert texts[-2].startswith("question 30")
    assert min(context.parts["system"], context.parts["state"], context.parts["summaries"], context.parts["gap"]) > 0


def test_the_logs_leading_system_messages_are_the_prompt_unless_one_is_given() -> None:
    log = Log().add("system", "Be kind.").user("hi")
    assert brief(build(log.window(prompt=1), O200K, budget=100)) == ["s:Be kind.", "u:hi"]
    assert brief(build(log.window(prompt=1), O200K, budget=100, system="Be brief.")) == ["s:Be brief.", "u:hi"]
    assert brief(build(log.window(prompt=1), O200K, budget=100, system="")) == ["u:hi"]


def test_tools_count_and_are_not_sent() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    context = Log().user("hi").build(tools=tools)
    assert context.parts["tools"] == O200K.count(json.dumps(tools, separators=(",", ":")))
    assert context.fixed_tokens == context.parts["tools"] + 3
    assert brief(context) == ["u:hi"]


def test_a_prompt_may_be_changed_without_changing_the_cached_message() -> None:
    log = Log().user([{"type": "text", "text": "hi"}]).calls("c1").result("c1", "")
    context = log.build()
    context.messages[0]["content"][0]["text"] = "changed"
    context.messages[1]["tool_calls"][0]["function"]["name"] = "changed"
    assert "changed" not in json.dumps(log.build().messages)


def test_counts_of_another_counter_are_made_again() -> None:
    log = Log().user("hello world")
    log.messages[0] = replace(log.messages[0], tokens=999, counter="cl100k")
    assert log.build(budget=100).tokens == 4 + 2 + 3


def test_names_are_sent_in_letters_that_the_api_takes() -> None:
    log = Log().user("hi", name="Bob the <Builder>")
    log.add("assistant", None, tool_calls=[{"id": "c1", "function": {"name": "find.all", "arguments": "{}"}}]).result("c1", "x")
    context = log.build()
    assert context.messages[0]["name"] == "Bob_the__Builder_"
    assert context.messages[1]["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "find_all", "arguments": "{}"},
    }
    assert check_openai(context.messages) == []


# --- turns and tool calls


def test_results_stand_behind_their_calls_in_the_calls_order() -> None:
    context = Log().user("q").calls("a", "b").result("b", "2").result("a", "1").says("done").build()
    assert brief(context) == ["u:q", "a:a+b", "t:a=1", "t:b=2", "a:done"]


def test_a_late_result_and_its_answer_belong_to_the_turn_of_the_call() -> None:
    log = Log().user("q1").calls("a").user("q2").result("a", "1").says("answer to q1").says("answer to q2")
    assert brief(log.build()) == ["u:q1", "a:a", "t:a=1", "a:answer to q1", "u:q2", "a:answer to q2"]


def test_a_dangling_call_gets_a_result_that_says_so() -> None:
    context = Log().user("q1").calls("a", "b").result("b", "2").user("q2").build()
    assert brief(context) == ["u:q1", "a:a+b", "t:a=?", "t:b=2", "u:q2"]
    assert (
        context.tokens
        == sum(
            count_message(O200K, m["role"], m["content"], m.get("tool_calls"), m.get("tool_call_id")) for m in context.messages
        )
        + 3
    )


def test_call_ids_may_repeat_a_result_answers_the_newest_that_waits() -> None:
    log = Log().user("q1").calls("c").result("c", "1").user("q2").calls("c").result("c", "2")
    assert brief(log.build()) == ["u:q1", "a:c", "t:c=1", "u:q2", "a:c", "t:c=2"]
    late = Log().user("q1").calls("c").user("q2").calls("c").result("c", "2").result("c", "1")
    assert brief(late.build()) == ["u:q1", "a:c", "t:c=1", "u:q2", "a:c", "t:c=2"]


def test_a_second_result_and_one_without_a_call_are_left_out() -> None:
    log = Log().user("q").calls("c").result("c", "first").result("c", "second").says("done").result("x", "whose?")
    context = log.build()
    assert brief(context) == ["u:q", "a:c", "t:c=first", "a:done"]
    assert [(entry.reason, entry.from_seq, entry.to_seq) for entry in context.left_out] == [("duplicate", 4, 4), ("orphan", 6, 6)]


def test_a_later_system_message_belongs_to_its_turn() -> None:
    log = Log().user("q1").add("system", "note").says("a1").user("q2")
    assert brief(log.build()) == ["u:q1", "s:note", "a:a1", "u:q2"]


def test_tombstones_are_skipped_and_pairs_stay_whole() -> None:
    call_gone = Log().user("q1").calls("a").result("a", "1").says("a1").user("q2").erase(2)
    assert brief(call_gone.build()) == ["u:q1", "a:a1", "u:q2"]
    result_gone = Log().user("q1").calls("a").result("a", "1").says("a1").user("q2").erase(3)
    assert brief(result_gone.build()) == ["u:q1", "a:a", "t:a=?", "a:a1", "u:q2"]
    user_gone = Log().user("q1").says("a1").user("q2").says("a2").erase(3)
    assert brief(user_gone.build()) == ["u:q1", "a:a1", "a:a2"]


def test_the_answer_to_a_call_that_is_covered_goes_on_with_what_is_covered() -> None:
    log = Log().user("q1").calls("a").user("q2").result("a", "1").says("a1").says("a2")
    window = log.window(prompt=2)
    assert brief(build(replace(window, prompt=()), O200K, budget=4000)) == ["a:a1", "u:q2", "a:a2"]


# --- the cut


def test_the_cut_is_between_turns_and_leaves_a_marker() -> None:
    context = chat(30).build(budget=500)
    assert context.tokens <= 500
    cut = context.left_out[0].to_seq
    assert cut % 2 == 0
    assert context.messages[0] == {"role": "system", "content": f"[{cut} earlier messages (1-{cut}) are not shown here.]"}
    assert context.messages[1]["content"].startswith(f"question {cut // 2 + 1} ")
    tokens = sum(message.tokens for message in chat(30).messages[:cut])
    assert context.left_out == (LeftOut("budget", 1, cut, cut, tokens),)
    assert context.parts["messages"] > 500 / 2


def test_max_messages_cuts_in_steps_of_half_and_caps_the_log_only() -> None:
    shown = []
    for turns in range(1, 40):
        context = chat(turns).build(max_messages=10, system="Be kind.")
        shown.append(context.messages[context.head]["content"].split()[1])
        assert len(context.messages) - context.head <= 10
        assert context.left_out == () or {entry.reason for entry in context.left_out} == {"max_messages"}
    assert len(set(shown)) <= 80 // 5 + 1
    assert len(set(shown[30:35])) <= 3


def test_the_newest_turn_may_exceed_max_messages() -> None:
    log = chat(3).user("q").calls("a", "b", "c").result("a", "1").result("b", "2").result("c", "3")
    assert brief(log.build(max_messages=2))[1:] == ["u:q", "a:a+b+c", "t:a=1", "t:b=2", "t:c=3"]


def test_a_turn_whose_start_is_not_loaded_is_not_shown() -> None:
    log = chat(4)
    context = build(log.window(3), O200K, max_messages=6, budget=4000)
    assert context.messages[1]["content"].startswith("question 3")
    assert context.left_out[0].messages == 4


def test_a_gap_may_say_more_within_its_share_and_falls_back_when_it_says_too_much() -> None:
    seen: list[Any] = []

    def gap(from_seq: int, to_seq: int, count: int, dropped: tuple[Message, ...], most: int) -> str:
        seen.append((from_seq, to_seq, count, len(dropped), most))
        return "They spoke of words."

    context = chat(30).build(budget=500, gap=gap)
    assert context.messages[0]["content"] == "They spoke of words."
    cut = context.left_out[0].to_seq
    assert seen[-1] == (1, cut, cut, cut, 500 // 8)
    wordy = chat(30).build(budget=500, gap=lambda *_: "word " * 200)
    assert wordy.messages[0]["content"] == truncation(1, cut, cut, (), 0)


# --- big things first


def rooms(results: int, size: int = 400) -> Log:
    log = Log()
    for turn in range(1, results + 1):
        log.user(f"q{turn}").calls(f"c{turn}").result(f"c{turn}", f"found {turn} " + "room " * size).says(f"a{turn}")
    return log.user("and now?")


def test_large_results_of_older_turns_give_way_before_any_message_does() -> None:
    log = rooms(3)
    whole = log.build(budget=4000)
    assert (whole.left_out, whole.messages[2]["content"]) == ((), log.messages[2].content)
    context = log.build(budget=1000)
    assert [one["role"] for one in context.messages] == [one["role"] for one in whole.messages]
    assert context.tokens <= 1000
    assert [(left.reason, left.from_seq, left.messages) for left in context.left_out] == [
        ("shortened", at, 1) for at in (3, 7, 11)
    ]
    shown = [one["content"] for one in context.messages if one["role"] == "tool"]
    assert all(f"tokens of message {at} left out ...]" in text for at, text in zip((3, 7, 11), shown, strict=True))
    assert all(text.startswith(f"found {at} room") for at, text in enumerate(shown, 1))
    assert all(O200K.count(text) <= 64 for text in shown)
    assert sum(left.tokens for left in context.left_out) + context.tokens == whole.tokens
    assert check_openai(context.messages) == []


def test_small_results_and_those_of_the_newest_turn_are_left_as_they_are() -> None:
    log = rooms(1, size=10).calls("x").result("x", "room " * 600)
    [entry] = (log.user("so?")).build(budget=500).left_out
    assert (entry.reason, entry.from_seq) == ("shortened", 7)
    newest = rooms(3).calls("x").result("x", "tree " * 300)
    context = newest.build(budget=1000)
    assert context.messages[-1]["content"] == "tree " * 300
    assert [left.from_seq for left in context.left_out] == [3, 7, 11]


def test_how_much_was_loaded_does_not_change_what_is_shortened() -> None:
    log = rooms(6)
    whole = build(log.window(), O200K, budget=1000)
    for skip in (4, 6, 8):
        part = build(log.window(skip), O200K, budget=1000)
        assert part.messages[-8:] == whole.messages[-8:]
        assert has_large_results(log.window(skip), 1000)
    assert not has_large_results(log.window(), 1000)


def test_what_is_cut_off_is_not_said_to_be_shortened() -> None:
    log = rooms(30)
    context = log.build(budget=1000)
    first, *others = context.left_out
    assert (first.reason, first.from_seq) == ("budget", 1)
    assert others and all(left.reason == "shortened" and left.from_seq > first.to_seq for left in others)
    assert context.tokens <= 1000
    assert check_openai(context.messages) == []


# --- when the newest turn alone is too much


def test_large_results_are_shortened_first_the_largest_most() -> None:
    log = Log().user("q").calls("a", "b").result("a", "apple " * 3000).result("b", "small").says("done")
    context = log.build(budget=1000)
    assert 900 < context.tokens <= 1000
    shortened = context.messages[2]["content"]
    assert shortened.startswith("apple apple") and shortened.endswith("apple ")
    assert "tokens of message 3 left out ...]" in shortened
    assert [message["content"] for message in context.messages if message["role"] != "tool"] == ["q", None, "done"]
    assert context.messages[3]["content"] == "small"
    [entry] = context.left_out
    assert (entry.reason, entry.from_seq, entry.messages) == ("shortened", 3, 1)


def test_then_older_messages_of_the_turn_are_dropped() -> None:
    log = Log().user("q")
    for step in range(40):
        log.calls(f"c{step}").result(f"c{step}", f"found {step} " + "word " * 20)
    context = log.build(budget=400)
    lines = brief(context)
    assert lines[0] == "u:q"
    assert lines[1].endswith("of this turn are not shown here.]")
    assert lines[-1].startswith("t:c39=found 39")
    assert context.left_out[0].reason == "budget" and context.left_out[0].from_seq == 2
    assert check_openai(context.messages) == []


def test_then_texts_lose_their_middle_and_the_users_word_stays() -> None:
    log = Log().user("start " + "word " * 5000 + "end")
    [message] = log.build(budget=200).messages
    assert message["content"].startswith("start word") and message["content"].endswith("word end")
    assert "tokens of message 1 left out" in message["content"]
    assert log.build(budget=200).tokens > 180


def test_giant_arguments_stay_json() -> None:
    log = Log().user("q").calls("a", arguments=json.dumps({"text": "word " * 5000})).result("a", "ok")
    context = log.build(budget=300)
    function = context.messages[1]["tool_calls"][0]["function"]
    assert set(json.loads(function["arguments"])) == {"_left_out"}
    assert context.left_out[0].reason == "shortened"


def test_large_arguments_go_before_results_do() -> None:
    """A result that would be cut to a stub is shown whole when its call's arguments can make room for it."""
    log = Log().user("q").calls("a", arguments=json.dumps({"text": "word " * 5000})).result("a", "apple " * 600).says("done")
    context = log.build(budget=1000)
    [call] = context.messages[1]["tool_calls"]
    [(key, said)] = json.loads(call["function"]["arguments"]).items()
    assert (key, said.endswith(" tokens")) == ("_left_out", True)
    assert int(said.removesuffix(" tokens").replace(",", "")) > 4900
    assert (call["id"], call["function"]["name"]) == ("a", "look")
    assert context.messages[2]["content"] == "apple " * 600
    assert [(entry.reason, entry.from_seq) for entry in context.left_out] == [("shortened", 2)]
    assert check_openai(context.messages) == []


def test_what_the_arguments_leave_open_the_results_give() -> None:
    log = Log().user("q").calls("a", arguments=json.dumps({"text": "word " * 5000})).result("a", "apple " * 3000).says("done")
    context = log.build(budget=1000)
    assert "_left_out" in context.messages[1]["tool_calls"][0]["function"]["arguments"]
    assert context.messages[2]["content"].count("apple") > 700
    assert context.messages[2]["content"].count("left out") == 1
    assert 900 < context.tokens <= 1000


def test_arguments_stay_where_results_make_enough_room() -> None:
    arguments = json.dumps({"text": "word " * 300})
    log = Log().user("q").calls("a", arguments=arguments).result("a", "apple " * 3000).says("done")
    context = log.build(budget=1000)
    assert context.messages[1]["tool_calls"][0]["function"]["arguments"] == arguments
    assert context.messages[2]["content"].count("apple") > 400
    assert context.tokens <= 1000


def test_small_arguments_stay_whatever_it_costs() -> None:
    log = Log().user("word " * 5000).calls("a", arguments='{"city": "Porto"}').result("a", "apple " * 3000)
    context = log.build(budget=300)
    [call] = [call for message in context.messages for call in message.get("tool_calls", ())]
    assert call["function"]["arguments"] == '{"city": "Porto"}'
    assert context.tokens <= 300


def test_a_large_attachment_becomes_a_note() -> None:
    log = Log().user([{"type": "text", "text": "look"}, PNG])
    [message] = log.build(budget=200).messages
    assert message["content"] == [{"type": "text", "text": "[1 attached parts of message 1 left out]\nlook"}]


def test_a_cut_splits_no_character() -> None:
    family = "👨‍👩‍👧‍👦"
    [message] = Log().user(family * 800).build(budget=120).messages
    head, _, rest = message["content"].partition("[... ")
    tail = rest.partition("left out ...]")[2]
    assert head and not head.replace(family, "")
    assert tail and not tail.replace(family, "")


def test_summaries_give_way_to_the_newest_turn_when_they_take_over_half() -> None:
    summaries = (summary(1, 4, "old " * 100), summary(5, 8, "new " * 100))
    window = Log().user("word " * 150).window(summaries=summaries)
    context = build(window, O200K, budget=350)
    assert [entry.reason for entry in context.left_out] == ["summary"]
    assert context.messages[0]["content"].startswith("Summary of earlier messages 5-8")
    assert context.messages[1]["content"] == "[The summary of messages 1-4 is not shown here.]"
    assert context.messages[2]["content"] == "word " * 150


def test_the_users_newest_word_is_whole_rather_than_a_summary() -> None:
    log = Log().user("word " * 160)
    told = summary(1, 9, "fact " * 120)
    context = build(log.window(summaries=(told,)), O200K, budget=300)
    assert context.messages[-1]["content"] == "word " * 160
    assert [left.reason for left in context.left_out] == ["summary"]


def test_a_budget_that_the_fixed_parts_fill_is_refused() -> None:
    with pytest.raises(BudgetTooSmall) as caught:
        Log().user("hi").build(budget=100, system="word " * 100, field="token_limit")
    assert (caught.value.field, caught.value.limit) == ("token_limit", 100)
    assert caught.value.size == 4 + O200K.count("word " * 100) + 3 + 32


def test_an_empty_window_gives_the_fixed_parts() -> None:
    context = Log().user("hi").window()
    empty = replace(context, messages=())
    assert build(empty, O200K, system="Be kind.", budget=100).messages == [{"role": "system", "content": "Be kind."}]
