
// The served page: sends each photo to the server, one after the other, and shows the captions that come back.
{
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const form = document.querySelector(".controls");
  const progress = form.querySelector(".progress"), errors = form.querySelector(".errors");
  const entries = document.getElementById("entries");
  const queue = [];
  let isBusy = false, done = 0, total = 0;

  form.model.append(...settings.models.map((model, k) => element("option", model.name, { value: String(k) })));
  const chooseModel = () => { form.length_power.value = settings.models[form.model.value].length_power; };
  form.model.addEventListener("change", chooseModel);
  form.addEventListener("submit", (event) => event.preventDefault());
  chooseModel();

  function report(message) {
    errors.append(element("li", message));
  }

  async function send(photo) {
    const name = photo.name || "pasted image";
    if (photo.size > settings.bytes) {
      report(`${name} has more than ${settings.bytes / 2 ** 20} MB; make it smaller first.`);
      return;
    }
    const fields = { name, model: form.model.value, beam: form.beam.value, length_power: form.length_power.value };
    try {
      const response = await fetch(`/caption?${new URLSearchParams(fields)}`, { method: "POST", body: photo });
      const answer = await response.json();
      if (!response.ok) {
        report(answer.error);
        return;
      }
      addEntry(answer, entries);
      entries.prepend(entries.lastElementChild);
      while (entries.children.length > settings.entries) entries.lastElementChild.remove();
    } catch (error) {
      report(`${name}: the server does not answer; start it again.`);
    }
  }

  async function add(photos) {
    if (!isBusy) {
      errors.replaceChildren();
      done = total = 0;
    }
    queue.push(...photos);
    total += photos.length;
    if (isBusy) return;
    isBusy = true;
    while (queue.length) {
      progress.textContent = `Captioning photo ${done + 1} of ${total} ...`;
      await send(queue.shift());
      done += 1;
    }
    progress.textContent = `${done} of ${total} photos done.`;
    isBusy = false;
  }

  form.photos.addEventListener("change", () => { add([...form.photos.files]); form.photos.value = ""; });
  document.addEventListener("paste", (event) => {
    const photos = [...event.clipboardData.files];
    if (photos.length) add(photos);
  });
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      form.classList.toggle("over", type === "dragenter" || type === "dragover");
      if (type === "drop") add([...event.dataTransfer.files]);
    });
  }
}
