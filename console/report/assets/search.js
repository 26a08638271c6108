// The report of a search: out of sample first, then what was tried, then what it varied.

// Metrics that are fractions; the others are plain numbers.
const FRACTIONS = ["total_return", "annual_return", "max_drawdown"];

function search(data) {
    const { document: found, settings, doubt } = data;
    const metric = capital(found.metric);
    const spell = FRACTIONS.includes(found.metric) ? share : number;
    heading(
        `Search: ${Object.keys(settings).join(", ")}`,
        `${count(found.different)} different settings tried, by ${metric}`,
    );
    cards([
        ["Sharpe, out of sample", number(found.out_of_sample_sharpe), tone(found.out_of_sample_sharpe)],
        [`Best ${metric}, in sample`, found.best ? spell(found.best.value) : NONE],
        ["Better than luck", share(found.deflated_sharpe)],
        ["Trials", count(found.trials.length)],
    ]);
    const blind = "Nothing was tested on data that the search had not seen: --walk-forward N does that.";
    doubts("What to doubt", [doubt, ...(found.out_of_sample.length ? [] : [blind])]);
    if (found.out_of_sample.length) outOfSample(found.out_of_sample, metric, spell);
    if (found.heat_map) heatMap(found.heat_map, metric, spell);
    slices(found.trials, metric, spell);
    inSample(found.trials, metric, spell);
    section("What it ran with", folded("Settings", settings), folded("Result", found));
}

function outOfSample(steps, metric, spell) {
    const days = ([from, to]) => `${from.slice(0, 10)} to ${to.slice(0, 10)}`;
    const columns = [
        ["Tested", (row) => days(row.test), String],
        [metric, (row) => row.out_of_sample, spell, tone],
        ["In sample", (row) => row.in_sample, spell],
        ["Return", (row) => row.total_return, share, tone],
        ["Trades", (row) => row.trades, count],
        ["Settings", (row) => (row.settings ? settingsText(row.settings) : "nothing was traded"), String],
        ["Sought in", (row) => days(row.train), String],
    ];
    const told = "Each time the best settings of the past were tried on the sessions after it.";
    section("Out of sample", make("p", { class: "soft" }, told), table("Out of sample", columns, steps));
}

function heatMap(map, metric, spell) {
    const values = map.rows.flat().filter(known);
    const most = Math.max(...values.map(Math.abs));
    const rows = map.rows.map((row, place) => [amount(map.y_from[place]), row]).reverse();
    const name = `Mean ${metric} by ${map.y} (down) and ${map.x} (across)`;
    const told = `Mean ${metric} of the trials in each cell, in sample. A plateau can be trusted, a peak cannot.`;
    section(
        `Heat map of ${map.y} and ${map.x}`,
        make("p", { class: "soft" }, told),
        heatTable(name, `${map.y} ↓ ${map.x} →`, map.x_from.map(amount), rows, spell, most),
    );
}

/** Every trial over one of its settings: does the metric depend on it at all? */
function slices(trials, metric, spell) {
    const made = trials.filter((one) => known(one.value));
    if (made.length < 2) return;
    const names = Object.keys(made[0].settings);
    const choice = make(
        "select",
        { "aria-label": "Setting" },
        ...names.map((name) => make("option", { value: name }, name)),
    );
    const told = make("p", { class: "soft" }, "A dot is a trial, in sample; later trials have more colour.");
    const holder = section(`${metric} by setting`, make("div", { class: "row" }, told, choice));
    const values = made.map((one) => one.value);
    const label = () =>
        `${metric} of ${count(made.length)} trials over ${choice.value}, from ${spell(lowest(values))} to ${spell(highest(values))}; the table below has all of them.`;
    const one = chart(holder, label, () => {
        const name = choice.value;
        const isNumber = made.every(({ settings }) => known(settings[name]));
        const axis = {
            name,
            nameLocation: "middle",
            nameGap: 26,
            nameTextStyle: { color: colour("soft") },
            splitLine: { show: false },
            axisLine: { lineStyle: { color: colour("line") } },
            axisTick: { show: false },
            axisLabel: { color: colour("soft"), hideOverlap: true },
        };
        return {
            ...base(),
            legend: { show: false },
            grid: { ...base().grid, top: 12, bottom: 28 },
            xAxis: isNumber ? { ...axis, type: "value", scale: true } : { ...axis, type: "category" },
            yAxis: upright({ axisLabel: { color: colour("soft"), formatter: spell } }),
            tooltip: {
                ...base().tooltip,
                trigger: "item",
                formatter: ({ dataIndex }) => {
                    const trial = made[dataIndex];
                    return bubble(
                        `Trial ${trial.number}: ${settingsText(trial.settings)}`,
                        `${metric}: ${spell(trial.value)}`,
                        `Trades: ${count(trial.trades)}`,
                    );
                },
            },
            series: [
                {
                    type: "scatter",
                    symbolSize: made.length > 300 ? 5 : 8,
                    data: made.map(({ settings, value, number: place }) => ({
                        value: [isNumber ? settings[name] : String(settings[name]), value],
                        itemStyle: { color: colour("accent"), opacity: 0.3 + 0.7 * (place / trials.length) },
                    })),
                },
            ],
        };
    });
    choice.addEventListener("change", () => draw(one));
}

function inSample(trials, metric, spell) {
    const names = [...new Set(trials.flatMap((one) => Object.keys(one.settings)))];
    const rows = [...trials].sort((a, b) => compare(b.value, a.value));
    const columns = [
        ["Trial", (row) => row.number, count],
        ...names.map((name) => [
            name,
            (row) => row.settings[name],
            (value) => (known(value) ? amount(value) : String(value)),
        ]),
        [metric, (row) => row.value, spell, tone],
        ["Return", (row) => row.total_return, share, tone],
        ["Drawdown", (row) => row.max_drawdown, share],
        ["Trades", (row) => row.trades, count],
        ...(trials.some((one) => one.why) ? [["Refused", (row) => row.why, String]] : []),
    ];
    section("All trials, in sample", table("All trials, in sample", columns, rows));
}
