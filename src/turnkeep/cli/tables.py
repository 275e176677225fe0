"""The statistics of an app, as tables."""

from __future__ import annotations

from rich.console import Console

from turnkeep.cli.printing import cell, counted, pairs, table
from turnkeep.session import Stats, SummarizerStats


def usage(tokens_in: int, tokens_out: int, cache_read: int) -> str:
    cached = f" ({cache_read / tokens_in:.0%} of it from the provider's cache)" if cache_read else ""
    return f"{tokens_in:,} in{cached}, {tokens_out:,} out, by the provider's count"


def _summarizer(done: SummarizerStats) -> str:
    told = [f"{done.source}: {counted(done.calls, 'call')}, {done.written:,} taken, {done.refused:,} refused"]
    told += [f"{count:,} failed ({name})" for name, count in done.failed.items()]
    if done.rests:
        told.append(f"{counted(done.rests, 'rest')}{'' if done.answers else ', and it does not answer'}")
    return ", ".join(told)


def print_stats(stats: Stats, screen: Console) -> None:
    made = pairs()
    made.add_row("Sessions", f"{stats.total_sessions:,}, {stats.active_sessions:,} active")
    made.add_row("Messages", f"{stats.total_messages:,}, {stats.average_session_length:,.1f} a session")
    made.add_row("Tokens", f"{stats.total_tokens:,}")
    made.add_row("Tool calls", f"{stats.tool_calls:,}")
    made.add_row("Errors", f"{stats.errors:,}")
    if stats.usage_in or stats.usage_out:
        made.add_row("Model usage", usage(stats.usage_in, stats.usage_out, stats.usage_cache_read))
    if stats.summarizer is not None:
        made.add_row("Summaries by", cell(_summarizer(stats.summarizer)))
    if stats.cache_size:
        made.add_row("Cache", f"{counted(stats.cache_size, 'session')}, {stats.cache_hit_rate:.1%} of the reads answered")
    screen.print(made)
    if stats.by_interface:
        screen.print()
        interfaces = table("Interface", "#Sessions", "#Active", "#Messages", "#Tokens")
        for name, sums in sorted(stats.by_interface.items()):
            figures = (sums.sessions, sums.active, sums.messages, sums.tokens)
            interfaces.add_row(cell(name), *(f"{figure:,}" for figure in figures))
        screen.print(interfaces)
    if stats.models:
        screen.print()
        models = table("Model", "Counted by", "#Calls", "#Counted", "#Reported", "#Ratio", "#Budgets by")
        for one in stats.models:
            counts = f"{one.calls:,}", f"{one.counted_tokens:,}", f"{one.reported_tokens:,}"
            models.add_row(cell(one.model), one.tokenizer, *counts, f"{one.ratio:.3f}", f"{one.correction} %")
        screen.print(models)
