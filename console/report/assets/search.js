// The report of a search: out of sample first, then what was tried, then what it varied.

function search(data) {
    const { document: found, settings, doubt } = data;
    heading(
        `Search: ${Object.keys(settings).join(", ")}`,
        `${count(found.different)} different settings tried, by ${found.metric}`,
    );
    cards([
        ["Sharpe, out of sample", number(found.out_of_sample_sharpe), tone(found.out_of_sample_sharpe)],
        [`Best ${found.metric}, in sample`, found.best ? number(found.best.value) : NONE],
        ["Better than luck", share(found.deflated_sharpe)],
        ["Trials", count(found.trials.length)],
    ]);
    const blind = "Nothing was tested on data that the search had not seen: --walk-forward N does that.";
    doubts("What to doubt", [doubt, ...(found.out_of_sample.length ? [] : [blind])]);
    if (found.out_of_sample.length) outOfSample(found);
    if (found.heat_map) heatMap(found.heat_map, found.metric);
    inSample(found);
    section("What it ran with", folded("Settings", settings), folded("Result", found));
}

function outOfSample({ out_of_sample: steps, metric }) {
    const days = ([from, to]) => `${from.slice(0, 10)} to ${to.slice(0, 10)}`;
    const columns = [
        ["Tested", (row) => days(row.test), String],
        ["Sought in", (row) => days(row.train), String],
        [
            "Best settings there",
            (row) => (row.settings ? settingsText(row.settings) : "nothing was traded"),
            String,
        ],
        [`${metric} there`, (row) => row.in_sample, number],
        [`${metric} when tested`, (row) => row.out_of_sample, number, tone],
        ["Return", (row) => row.total_return, share, tone],
        ["Trades", (row) => row.trades, count],
    ];
    section("Out of sample", table("Out of sample", columns, steps));
}

function heatMap(map, metric) {
    const values = map.rows.flat().filter(known);
    const most = Math.max(...values.map(Math.abs));
    const rows = map.rows.map((row, place) => [amount(map.y_from[place]), row]).reverse();
    const name = `Mean ${metric} by ${map.y} (down) and ${map.x} (across)`;
    const told = make(
        "p",
        { class: "soft" },
        `Mean ${metric} of the trials in each cell. A plateau can be trusted, a peak cannot.`,
    );
    section(
        `${map.y} and ${map.x}`,
        told,
        heatTable(name, `${map.y} ↓ ${map.x} →`, map.x_from.map(amount), rows, number, most),
    );
}

function inSample({ trials, metric }) {
    const names = [...new Set(trials.flatMap((one) => Object.keys(one.settings)))];
    const rows = [...trials].sort((a, b) => compare(b.value, a.value));
    const columns = [
        ["Trial", (row) => row.number, count],
        ...names.map((name) => [
            name,
            (row) => row.settings[name],
            (value) => (known(value) ? amount(value) : String(value)),
        ]),
        [metric, (row) => row.value, number, tone],
        ["Return", (row) => row.total_return, share, tone],
        ["Drawdown", (row) => row.max_drawdown, share],
        ["Trades", (row) => row.trades, count],
        ...(trials.some((one) => one.why) ? [["Refused", (row) => row.why, String]] : []),
    ];
    section("All trials, in sample", table("All trials, in sample", columns, rows));
}
