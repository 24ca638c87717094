// Bars that have a title: it is shown at the pointer or, with the arrow keys, bar by bar.

const equipBars = (svg, bars) => {
  const titles = bars.map((bar) => bar.querySelector("title").textContent);
  for (const bar of bars) bar.querySelector("title").remove(); // or the browser would show it too

  const hide = () => {
    tip.hidden = true;
    for (const bar of bars) bar.classList.remove("now");
  };

  const show = (place, clientX, clientY) => {
    hide();
    bars[place].classList.add("now");
    tip.replaceChildren(make("p", {}, titles[place]));
    tip.hidden = false;
    placeTip(clientX, clientY);
    return titles[place];
  };

  svg.addEventListener("pointermove", ({ target: bar, clientX, clientY }) => {
    const place = bars.indexOf(bar);
    if (place < 0) hide();
    else show(place, clientX, clientY);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);

  let now = -1;
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: bars.length - 1 };
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    now = Math.min(Math.max(steps[event.key], 0), bars.length - 1);
    bars[now].scrollIntoView({ block: "nearest", inline: "nearest" });
    const { left, bottom } = bars[now].getBoundingClientRect();
    announce(show(now, left, bottom - 12));
  });
  svg.setAttribute("tabindex", "0");
};

for (const svg of document.querySelectorAll("figure svg")) {
  const bars = [...svg.querySelectorAll(".bar:has(> title)")];
  if (bars.length) equipBars(svg, bars);
}
